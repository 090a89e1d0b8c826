# make demo   train HRNet on the embedded data set and look at the result
# make test   lint, types, docs, and tests that train nothing: minutes
# Both set up everything in .venv first; the second time that takes a second.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo doctor lint docs test test-jobs test-slow lane lock clean

help:
	@echo 'make demo       draw TinyPeople, train HRNet on it, show what it learned'
	@echo 'make test       lint, types, docs and tests, in minutes'
	@echo 'make test-jobs  short trainings, and the lanes oldest and newest'
	@echo 'make test-slow  what takes minutes each'
	@echo 'make lane LANE=oldest|newest|forks|compiled   the wheel on another stack'
	@echo 'make docs       the documentation site, in outputs/site'
	@echo 'make setup      the environment alone, in $(VENV)'
	@echo 'make doctor     name what is broken in the environment'
	@echo 'make clean      remove $(VENV), outputs and caches'
	@echo 'PYTHON=python3.12 picks another Python (3.10 to 3.13)'

setup: $(VENV)/.ready

$(VENV)/.ready: requirements/dev.txt pyproject.toml setup.cfg tools/setup.sh
	@PYTHON='$(PYTHON)' VENV='$(VENV)' bash tools/setup.sh

demo: setup
	@$(BIN)/hrnet-mm demo

# without `setup`: it may be the set-up that is broken
doctor:
	@test -x $(BIN)/python || echo 'Not set up yet: "make setup" makes $(VENV). This looks at $(PYTHON) itself.'
	@$$(test -x $(BIN)/python && echo $(BIN)/python || echo $(PYTHON)) hrnet_mm/doctor

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell
	$(BIN)/mypy

# A broken link or a wrong docstring fails it.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/uv run --isolated --no-project \
	    --with-requirements requirements/docs.txt mkdocs build --quiet

# One test for each core, on one thread: two jobs with two threads each would wait for
# each other all the time.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

test: lint docs
	$(PYTEST) -m 'not (jobs or slow or sweep)'

test-jobs: setup
	$(PYTEST) -m 'jobs and not lane'
	VENV='$(VENV)' bash tools/lane.sh oldest
	VENV='$(VENV)' bash tools/lane.sh newest

test-slow: setup
	$(PYTEST) -m slow

lane: setup
	@VENV='$(VENV)' bash tools/lane.sh $(LANE)

# newest versions of what pyproject.toml leaves open; run all tests before committing them
lock: setup
	bash tools/lock.sh $(BIN)/uv

clean:
	rm -rf $(VENV) .lanes outputs build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
