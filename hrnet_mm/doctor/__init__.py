"""Diagnosis of an environment: what is broken, and the commands that fix it.

A broken extension may abort the interpreter that imports it. So all imports happen in
child processes (`probe.py`); this module only starts them and prints their findings.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from threading import Timer
from typing import TYPE_CHECKING

from .checks import CHECKS, GROUPS, Check
from .fixes import PACKAGE, Finding, Level, explain
from .libraries import LIBRARIES
from .probe import PREFIX

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ['CHECKS', 'Finding', 'Level', 'diagnose', 'exit_code', 'report']

STYLES = {'ok': 'green', 'note': 'cyan', 'warning': 'yellow', 'broken': 'bold red'}
# The child loads this folder as `doctor`, because hrnet_mm itself may be broken. The
# working folder is removed from sys.path, where it is not in a training job either.
CHILD = f"""
import sys
sys.path[:] = [path for path in sys.path if path]
from importlib import util
spec = util.spec_from_file_location('doctor', {__file__!r})
sys.modules['doctor'] = package = util.module_from_spec(spec)
spec.loader.exec_module(package)
from doctor import probe
probe.main(sys.argv[1:], {str(Path(__file__).parents[2])!r})
"""


def diagnose(only: Collection[str] = (), timeout: float = 300) -> Iterator[Finding]:
    """Examine the environment, in two child processes at a time.

    Args:
        only: Names of checks to run; by default all of `CHECKS`.
        timeout: Seconds per check after which a child process is killed.

    Yields:
        One finding per check, as soon as it is known. If all task libraries were
        examined and none is installed, another finding follows at the end.

    Raises:
        ValueError: If a name in `only` is not the name of a check.
    """
    names = [check.name for check in CHECKS]
    if unknown := set(only) - set(names):
        raise ValueError(f'no such check: {sorted(unknown)}; there are {names}')
    chosen = [[c for c in group if not only or c.name in only] for group in GROUPS]
    found: Queue[Finding | None] = Queue()
    levels: dict[str, Level] = {}
    with ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [pool.submit(_run_checks, group, timeout, found.put) for group in chosen]
        running = len(jobs)
        while running:
            finding = found.get()
            if finding is None:
                running -= 1
                continue
            levels[finding.name] = finding.level
            yield finding
    for job in jobs:
        job.result()
    if all(levels.get(name) == 'note' for name in LIBRARIES):
        why = f'HRNet is trained by one of {", ".join(LIBRARIES)}'
        fix = f'pip install "{PACKAGE}[all]"'
        yield Finding('task library', 'broken', 'none', why, fix)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return the exit code: 1 if a finding is broken, otherwise 0."""
    return int(any(finding.level == 'broken' for finding in findings))


def _run_checks(
    checks: Sequence[Check], timeout: float, put: Callable[[Finding | None], None]
) -> None:
    # One finding per check, then None. A new child continues after a failed check.
    left = list(checks)
    try:
        while left:
            ending = ''
            for output in _run_child([check.name for check in left], timeout):
                if isinstance(output, Finding):
                    put(output)
                    left.pop(0)
                else:
                    ending = output
            if ending and left:
                put(_explain_child_end(left.pop(0), ending))
    finally:
        put(None)


def _run_child(names: Sequence[str], timeout: float) -> Iterator[Finding | str]:
    # Yields the findings of a child, and a message if it did not end well.
    command = [sys.executable, '-X', 'faulthandler', '-c', CHILD, *names]
    with tempfile.TemporaryFile('w+', errors='replace') as stderr, subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, errors='replace'
    ) as child:  # fmt: skip
        timer = Timer(timeout * len(names), child.kill)
        timer.start()
        count = 0
        for line in child.stdout or ():
            if line.startswith(PREFIX):
                count += 1
                yield Finding(**json.loads(line.removeprefix(PREFIX)))
        late = not timer.is_alive()
        timer.cancel()
        code = child.wait()
        stderr.seek(0)
        if late:
            yield f'no answer in {timeout * len(names):g} s'
        elif code < 0:
            yield f'{stderr.read()}\nPython is killed by {signal.Signals(-code).name}'
        elif code or not count:
            yield f'{stderr.read()}\nPython stops with exit code {code}'


def _explain_child_end(check: Check, ending: str) -> Finding:
    # the import ended the interpreter, or hangs
    modules = check.modules or ('hrnet_mm',)
    why, fix = explain(ending, modules)
    if ending.startswith('no answer'):
        why = 'it hangs, or the disk is very slow; the command shows where'
        fix = f'python -v -c "import {", ".join(modules)}"'
    return Finding(check.name, 'broken', ending.splitlines()[-1], why, fix)


def report(findings: Sequence[Finding], console: Console) -> None:
    """Print the findings in the order of the checks."""
    order = [check.name for check in CHECKS] + ['task library']
    print_findings(sorted(findings, key=lambda f: order.index(f.name)), console)


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Print a table, each command with the findings that it fixes, and a summary."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ('check', 'state', 'seen', 'why'):
        # fold: long paths stay complete
        table.add_column(title, no_wrap=title in ('check', 'state'), overflow='fold')
    for f in findings:
        state = Text(f.level, STYLES[f.level])
        table.add_row(Text(f.name), state, Text(f.seen), Text(f.why))
    console.print(table)
    for fix in dict.fromkeys(f.fix for f in findings if f.fix):
        console.print()
        for f in findings:
            if f.fix == fix:
                console.print(Text(f'{f.name}: {f.level}', STYLES[f.level]))
        # on one line, however long, so that it can be pasted
        console.print(Text(f'    {fix}'), soft_wrap=True)
    broken = [f.name for f in findings if f.level == 'broken']
    verdict = f'Broken: {", ".join(broken)}.' if broken else 'Nothing is broken.'
    console.print(Text(f'\n{verdict} Examined: {sys.executable}'), soft_wrap=True)
