"""What is broken in this environment, and the command that mends it.

A broken extension may abort the interpreter that imports it. So everything is imported
in child processes (`probe.py`), and this side only starts children and prints.
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
from .probe import ANSWER

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ['CHECKS', 'Finding', 'Level', 'diagnose', 'exit_code', 'report']

STYLES = {'ok': 'green', 'note': 'cyan', 'warning': 'yellow', 'broken': 'bold red'}
# The child loads this folder as `doctor`: hrnet_mm itself may be what is broken. The
# working folder leaves its path: it is not on that of a training job.
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
        only: Names of checks to run; all of `CHECKS` by default.
        timeout: Seconds per check after which a child counts as hanging.

    Yields:
        One finding per check, as soon as it is known; at the end one more if all task
        libraries were examined and none works.

    Raises:
        ValueError: A name in `only` is not the name of a check.
    """
    names = [check.name for check in CHECKS]
    if unknown := set(only) - set(names):
        raise ValueError(f'no such check: {sorted(unknown)}; there are {names}')
    chosen = [[c for c in group if not only or c.name in only] for group in GROUPS]
    found: Queue[Finding | None] = Queue()
    levels: dict[str, Level] = {}
    with ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [pool.submit(examine, group, timeout, found.put) for group in chosen]
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
    """0 if a model can be trained here and nothing that is installed is broken."""
    return int(any(finding.level == 'broken' for finding in findings))


def examine(
    checks: Sequence[Check], timeout: float, put: Callable[[Finding | None], None]
) -> None:
    """Put one finding per check, then None; a fresh child follows each failure."""
    left = list(checks)
    try:
        while left:
            ending = ''
            for answer in ask([check.name for check in left], timeout):
                if isinstance(answer, Finding):
                    put(answer)
                    left.pop(0)
                else:
                    ending = answer
            if ending and left:
                put(death(left.pop(0), ending))
    finally:
        put(None)


def ask(names: Sequence[str], timeout: float) -> Iterator[Finding | str]:
    """The findings of one child; if it does not end well, how it ended."""
    command = [sys.executable, '-X', 'faulthandler', '-c', CHILD, *names]
    with tempfile.TemporaryFile('w+', errors='replace') as stderr, subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, errors='replace'
    ) as child:  # fmt: skip
        timer = Timer(timeout * len(names), child.kill)
        timer.start()
        answers = 0
        for line in child.stdout or ():
            if line.startswith(ANSWER):
                answers += 1
                yield Finding(**json.loads(line.removeprefix(ANSWER)))
        late = not timer.is_alive()
        timer.cancel()
        code = child.wait()
        stderr.seek(0)
        if late:
            yield f'no answer in {timeout * len(names):g} s'
        elif code < 0:
            yield f'{stderr.read()}\nPython is killed by {signal.Signals(-code).name}'
        elif code or not answers:
            yield f'{stderr.read()}\nPython stops with exit code {code}'


def death(check: Check, ending: str) -> Finding:
    """The finding for a piece that ended its interpreter, or hangs."""
    modules = check.modules or ('hrnet_mm',)
    why, fix = explain(ending, modules)
    if ending.startswith('no answer'):
        why = 'it hangs, or the disk is very slow; this shows where'
        fix = f'python -v -c "import {", ".join(modules)}"'
    return Finding(check.name, 'broken', ending.splitlines()[-1], why, fix)


def report(findings: Sequence[Finding], console: Console) -> None:
    """Print the findings in the order of the checks."""
    order = [check.name for check in CHECKS] + ['task library']
    show(sorted(findings, key=lambda f: order.index(f.name)), console)


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print a table, then each command once with what it mends, then the verdict."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ('piece', 'state', 'seen', 'why'):
        # fold: a long path is not cut off
        table.add_column(title, no_wrap=title in ('piece', 'state'), overflow='fold')
    for f in findings:
        state = Text(f.level, STYLES[f.level])
        table.add_row(Text(f.name), state, Text(f.seen), Text(f.why))
    console.print(table)
    for fix in dict.fromkeys(f.fix for f in findings if f.fix):
        console.print()
        for f in findings:
            if f.fix == fix:
                console.print(Text(f'{f.name}: {f.level}', STYLES[f.level]))
        # One line, however long: it is there to be pasted.
        console.print(Text(f'    {fix}'), soft_wrap=True)
    broken = [f.name for f in findings if f.level == 'broken']
    verdict = f'Broken: {", ".join(broken)}.' if broken else 'Nothing is broken.'
    console.print(Text(f'\n{verdict} Examined: {sys.executable}'), soft_wrap=True)
