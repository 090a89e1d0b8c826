"""The child process, which runs checks and prints their findings."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace

from .checks import CHECKS, Check
from .fixes import (
    Finding,
    distributions,
    explain,
    install_command,
    installed_version,
    last_line,
    parse_version,
)
from .libraries import LIBRARIES

PREFIX = 'hrnet-mm doctor: '  # of our lines between the output of libraries


def main(names: Sequence[str], root: str) -> None:
    """Run checks by name, up to the first failure, and print a finding for each."""
    sys.path.append(root)  # for hrnet_mm, if it is not installed
    checks = {check.name: check for check in CHECKS}
    for name in names:
        finding, works = _run_check(checks[name])
        print(f'\n{PREFIX}{json.dumps(asdict(finding))}', flush=True)
        if not works:
            break  # a failed import may affect the next one
    os._exit(0)  # libraries may crash at a regular exit


def _run_check(check: Check) -> tuple[Finding, bool]:
    if check.name in LIBRARIES:
        # a training job imports hrnet_mm first, which fixes some libraries
        with suppress(Exception):
            importlib.import_module('hrnet_mm')
    try:
        for module in check.modules:
            importlib.import_module(module)
        seen = check.trial() if check.trial else ''
    except (Exception, SystemExit) as error:
        return _explain_failure(check, error), False
    return _check_version(check, seen), True


def _check_version(check: Check, seen: Finding | str) -> Finding:
    if isinstance(seen, Finding):
        return seen
    dists = _source_distributions(check)
    version = _version_in_use(check, dists)
    others = [] if dists in ([], [check.dist or check.package]) else [', '.join(dists)]
    found = Finding(check.name, 'ok', '; '.join(filter(None, [version, *others, seen])))
    if any(dist.startswith('onedl-') for dist in dists):
        return found  # forks number their versions differently
    for limit in check.limits:
        if limit.since <= parse_version(version) < limit.until:
            fix = install_command(check.package)
            return replace(found, level=limit.level, why=limit.why, fix=fix)
    return found


def _explain_failure(check: Check, error: BaseException) -> Finding:
    whole = ''.join(traceback.format_exception(error))
    if isinstance(error, ModuleNotFoundError) and _is_absent(check, error.name or ''):
        seen, fix = (
            _describe_incomplete(check) or 'not installed',
            install_command(error.name or ''),
        )
        return Finding(check.name, check.absent, seen, check.why, fix)
    why, fix = explain(whole, check.modules)
    why = '; '.join(filter(None, [why, check.why]))
    return Finding(check.name, check.failing, last_line(error), why, fix)


def _describe_incomplete(check: Check) -> str:
    # mmcv-lite has no operators, and setuptools >= 82 no pkg_resources
    dists = _source_distributions(check)
    return ''.join(
        f'{d} {installed_version(d)} has no {check.modules[0]}' for d in dists[:1]
    )


def _source_distributions(check: Check) -> list[str]:
    # a fork has another name than the usual distribution
    usual = check.dist or check.package
    return [usual] if installed_version(usual) else distributions(check.package)


def _is_absent(check: Check, missing: str) -> bool:
    # not if only something that it imports is missing
    return bool(check.modules) and f'{check.modules[0]}.'.startswith(f'{missing}.')


def _version_in_use(check: Check, dists: Sequence[str]) -> str:
    module = sys.modules.get(check.package)
    version = getattr(module, '__version__', '') or ''.join(
        map(installed_version, dists[:1])
    )
    return str(version)
