"""``make demo``: draw TinyPeople, train a small HRNet, show what it learned.

Everything that counts is the stock runner in child processes: the same commands that a
person would type, and prints.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

import hrnet_mm
from hrnet_mm.tiny_people import TinyPeople

CONFIG = 'pose/hrnet_w18_small_v1_tiny-pose.py'
# mmengine's log line: Epoch(train) [2][10/53] lr: 1.9e-03 eta: 0:03:10 ... loss: 0.0093
STEP = re.compile(r'Epoch\(train\)\s+\[(\d+)\]\[\s*(\d+)/(\d+)\].*?loss: (\S+)')
EPOCHS = re.compile(r'max_epochs=(\d+)')
CAUSE = re.compile(r'[\w.]+(Error|Exception|Interrupt): ')
SCORE = re.compile(r'coco/AP: (\S+)')


class DemoError(RuntimeError):
    """A step of the demo failed; the message says which and shows why."""


def run(output: Path, data: Path, console: Console) -> float:
    """Run the demo and print where the results are.

    Args:
        output: Folder of checkpoints, logs and pictures.
        data: Folder of TinyPeople; drawn if it is not there.
        console: Where to print.

    Returns:
        The keypoint AP on the test split.

    Raises:
        DemoError: if training or testing fails.
    """
    config = shown(Path(hrnet_mm.__file__).parent / '.mim' / 'configs' / CONFIG)
    output.mkdir(parents=True, exist_ok=True)
    with progress_bar(console) as bar:
        task = bar.add_task('drawing TinyPeople', total=None)
        tell(bar, f'drawing TinyPeople, training, testing: minutes; logs in {output}')
        TinyPeople().write(data, lambda n, of: bar.update(task, completed=n, total=of))
        bar.update(task, completed=1, total=1)
        started = time.monotonic()
        train(config, output, data, bar)
        seconds = round(time.monotonic() - started)
        checkpoint = max(output.glob('best_coco_AP_epoch_*.pth'), key=os.path.getmtime)
        score = test(config, checkpoint, output, data, bar)
        task = bar.add_task('drawing what it learned', total=2)
        log = (output / 'pictures.log').open('w')
        with log, redirect_stdout(log), redirect_stderr(log):
            from . import visualization  # not before it is needed: slow to import

            curve = visualization.learning_curve(output)
            bar.advance(task)
            os.environ['TINY_PEOPLE'] = str(data)
            sheet = visualization.prediction_sheet(
                config, checkpoint, output / 'predictions.png'
            )
            bar.advance(task)
    go_on = (
        f'TINY_PEOPLE={data} mim train mmpose {config} --work-dir {output}-more '
        f'--cfg-options load_from={checkpoint}'
    )
    result = dict(
        AP=score, training_seconds=seconds, checkpoint=str(checkpoint), go_on=go_on
    )
    (output / 'result.json').write_text(json.dumps(result, indent=2) + '\n')
    report(console, result, curve, sheet)
    return score


def train(config: str, output: Path, data: Path, bar: Progress) -> None:
    """``mim train``, with its log lines turned into a progress bar."""
    task = bar.add_task('training HRNet-W18-small', total=None)
    epoch, epochs, score = 0, 1, ''
    for line in mim(['train', 'mmpose', config], output, data):
        if found := EPOCHS.search(line):
            epochs = int(found[1])
        if found := SCORE.search(line):
            score = f', validation AP {100 * float(found[1]):.1f}'
            bar.update(task, description=f'training HRNet-W18-small ({score[2:]})')
            tell(bar, f'epoch {epoch} of {epochs}{score}')
        if found := STEP.search(line):
            epoch, step, steps = (int(found[i]) for i in (1, 2, 3))
            bar.update(
                task,
                completed=(epoch - 1) * steps + step,
                total=epochs * steps,
                description=f'training HRNet-W18-small (loss {found[4]}{score})',
            )
    bar.update(task, completed=1, total=1)


def test(
    config: str, checkpoint: Path, output: Path, data: Path, bar: Progress
) -> float:
    """``mim test``: the stock COCO metric on the test split."""
    task = bar.add_task('testing with the COCO metric', total=None)
    command = ['test', 'mmpose', config, '--checkpoint', str(checkpoint)]
    score = None
    for line in mim(command, output, data):
        if found := SCORE.search(line):
            score = float(found[1])
    if score is None:
        raise DemoError(f'`mim test` printed no AP; its log is {output}/test.log')
    bar.update(task, completed=1, total=1)
    return score


def mim(arguments: list[str], output: Path, data: Path) -> Iterator[str]:
    """Run ``mim ARGUMENTS`` in a child process; yield its lines and keep them."""
    command = [*arguments, '--work-dir', str(output)]
    lines = []
    log = output / f'{arguments[0]}.log'
    child = subprocess.Popen(
        [sys.executable, '-c', 'from mim.cli import cli; cli()', *command],
        env={**os.environ, 'TINY_PEOPLE': str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors='replace',
    )
    assert child.stdout is not None
    with log.open('w') as file:
        for line in child.stdout:
            file.write(line)
            lines.append(line)
            yield line
    if child.wait():
        # mim adds a traceback of its own below that of the job
        causes = [s for s in lines if CAUSE.match(s) and 'CalledProcessError' not in s]
        raise DemoError(
            f'`mim {shlex.join(command)}` failed:\n\n'
            f'{causes[-1] if causes else "".join(lines[-15:])}\n'
            f'All that it said is in {log}. If a library is to blame, '
            '`hrnet-mm doctor` names the fix.'
        )


def progress_bar(console: Console) -> Progress:
    """Description, bar, share, time so far and time to go."""
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn('ETA'),
        TimeRemainingColumn(),
        console=console,
    )


def tell(bar: Progress, line: str) -> None:
    """What a log file shows in place of the bars, which need a terminal."""
    if not bar.console.is_terminal:
        bar.console.print(line)


def report(console: Console, result: dict, curve: Path, sheet: Path) -> None:
    """Say what came out, where it is, and how to go on."""
    console.print(
        f'\n[bold]AP {100 * result["AP"]:.1f}[/] on the test split of TinyPeople '
        f'(COCO metric), after {result["training_seconds"]} s of training.\n'
    )
    console.print(f'  learning curve  {curve}')
    console.print(f'  predictions     {sheet}')
    console.print(f'  checkpoint      {result["checkpoint"]}')
    console.print(
        '\nOn from there, as long again (first: source .venv/bin/activate):\n'
    )
    console.print(f'  {result["go_on"]}', soft_wrap=True)
    console.print('\nOn COCO, as docs/pose.md describes:\n')
    console.print('  COCO=FOLDER mim train mmpose configs/hrnet_w48_coco.py\n')


def shown(path: Path) -> str:
    """The path as a person would type it here."""
    path = path.resolve()
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
