"""The child process: imports one piece, tries it, prints one finding."""

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
    install,
    last_line,
    numbers,
    version_of,
)
from .libraries import LIBRARIES

ANSWER = 'hrnet-mm doctor: '  # marks our line among what libraries print


def main(names: Sequence[str], root: str) -> None:
    """Answer for the checks of these names, up to the first that fails."""
    sys.path.append(root)  # hrnet_mm, if it is not installed
    checks = {check.name: check for check in CHECKS}
    for name in names:
        finding, works = examine(checks[name])
        print(f'\n{ANSWER}{json.dumps(asdict(finding))}', flush=True)
        if not works:
            break  # half an import may hurt the next one
    os._exit(0)  # a library that crashes on the way out has answered already


def examine(check: Check) -> tuple[Finding, bool]:
    """Import, try, judge; whether all imports went through."""
    if check.name in LIBRARIES:
        # As in a training job, where hrnet_mm mends what it can before.
        with suppress(Exception):
            importlib.import_module('hrnet_mm')
    try:
        for module in check.modules:
            importlib.import_module(module)
        seen = check.act() if check.act else ''
    except (Exception, SystemExit) as error:
        return failure(check, error), False
    return judge(check, seen), True


def judge(check: Check, seen: Finding | str) -> Finding:
    """The finding for a piece that works: is it a version to warn of?"""
    if isinstance(seen, Finding):
        return seen
    dists = sources(check)
    version = version_in_use(check, dists)
    others = [] if dists in ([], [check.dist or check.package]) else [', '.join(dists)]
    found = Finding(check.name, 'ok', '; '.join(filter(None, [version, *others, seen])))
    if any(dist.startswith('onedl-') for dist in dists):
        return found  # forks number their versions differently
    for limit in check.limits:
        if limit.since <= numbers(version) < limit.until:
            fix = install(check.package)
            return replace(found, level=limit.level, why=limit.why, fix=fix)
    return found


def failure(check: Check, error: BaseException) -> Finding:
    """The finding for a piece that is not there, or is there and fails."""
    whole = ''.join(traceback.format_exception(error))
    if isinstance(error, ModuleNotFoundError) and is_absent(check, error.name or ''):
        seen, fix = without(check) or 'not installed', install(error.name or '')
        return Finding(check.name, check.absent, seen, check.why, fix)
    why, fix = explain(whole, check.modules)
    why = '; '.join(filter(None, [why, check.why]))
    return Finding(check.name, check.failing, last_line(error), why, fix)


def without(check: Check) -> str:
    """Which distribution lacks the piece: mmcv-lite, or setuptools from 82 on."""
    dists = sources(check)
    return ''.join(f'{d} {version_of(d)} has no {check.modules[0]}' for d in dists[:1])


def sources(check: Check) -> list[str]:
    """The distributions that brought the piece; a fork has a name of its own."""
    usual = check.dist or check.package
    return [usual] if version_of(usual) else distributions(check.package)


def is_absent(check: Check, missing: str) -> bool:
    """Whether the piece itself is missing, not something that it imports."""
    return bool(check.modules) and f'{check.modules[0]}.'.startswith(f'{missing}.')


def version_in_use(check: Check, dists: Sequence[str]) -> str:
    """What the package says of itself, else what its distribution says."""
    module = sys.modules.get(check.package)
    version = getattr(module, '__version__', '') or ''.join(map(version_of, dists[:1]))
    return str(version)
