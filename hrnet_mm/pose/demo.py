"""``make demo``: render TinyPeople, train and test a small HRNet, plot the results.

Training and testing run ``mim train`` and ``mim test`` in child processes, exactly as
from a shell.
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
    """Raised if training or testing fails; the message names the cause."""


def run(output: Path, data: Path, console: Console) -> float:
    """Run the demo and print where the results are.

    Args:
        output: Folder for checkpoints, logs and figures.
        data: Folder of TinyPeople, which is rendered there if missing.
        console: Receives the progress bars and the summary.

    Returns:
        The keypoint AP on the test split, from 0 to 1.

    Raises:
        DemoError: If training or testing fails.
    """
    config = _relative(Path(hrnet_mm.__file__).parent / '.mim' / 'configs' / CONFIG)
    output.mkdir(parents=True, exist_ok=True)
    with _progress_bar(console) as bar:
        task = bar.add_task('drawing TinyPeople', total=None)
        _print_without_terminal(
            bar, f'drawing TinyPeople, training, testing: minutes; logs in {output}'
        )
        TinyPeople().write(data, lambda n, of: bar.update(task, completed=n, total=of))
        bar.update(task, completed=1, total=1)
        started = time.monotonic()
        _train(config, output, data, bar)
        seconds = round(time.monotonic() - started)
        checkpoint = max(output.glob('best_coco_AP_epoch_*.pth'), key=os.path.getmtime)
        score = _test(config, checkpoint, output, data, bar)
        curve, sheet = _draw_figures(config, checkpoint, output, data, bar)
    resume_command = (
        f'TINY_PEOPLE={data} mim train mmpose {config} --work-dir {output}-more '
        f'--cfg-options load_from={checkpoint}'
    )
    result = dict(
        AP=score,
        training_seconds=seconds,
        checkpoint=str(checkpoint),
        go_on=resume_command,
    )
    (output / 'result.json').write_text(json.dumps(result, indent=2) + '\n')
    _print_summary(console, result, curve, sheet)
    return score


def _train(config: str, output: Path, data: Path, bar: Progress) -> None:
    task = bar.add_task('training HRNet-W18-small', total=None)
    epoch, epochs, score = 0, 1, ''
    for line in _mim(['train', 'mmpose', config], output, data):
        if found := EPOCHS.search(line):
            epochs = int(found[1])
        if found := SCORE.search(line):
            score = f', validation AP {100 * float(found[1]):.1f}'
            bar.update(task, description=f'training HRNet-W18-small ({score[2:]})')
            _print_without_terminal(bar, f'epoch {epoch} of {epochs}{score}')
        if found := STEP.search(line):
            epoch, step, steps = (int(found[i]) for i in (1, 2, 3))
            bar.update(
                task,
                completed=(epoch - 1) * steps + step,
                total=epochs * steps,
                description=f'training HRNet-W18-small (loss {found[4]}{score})',
            )
    bar.update(task, completed=1, total=1)


def _test(
    config: str, checkpoint: Path, output: Path, data: Path, bar: Progress
) -> float:
    task = bar.add_task('testing with the COCO metric', total=None)
    command = ['test', 'mmpose', config, '--checkpoint', str(checkpoint)]
    score = None
    for line in _mim(command, output, data):
        if found := SCORE.search(line):
            score = float(found[1])
    if score is None:
        raise DemoError(f'`mim test` printed no AP; see its log, {output}/test.log')
    bar.update(task, completed=1, total=1)
    return score


def _draw_figures(
    config: str, checkpoint: Path, output: Path, data: Path, bar: Progress
) -> tuple[Path, Path]:
    task = bar.add_task('drawing the results', total=2)
    log = (output / 'figures.log').open('w')
    with log, redirect_stdout(log), redirect_stderr(log):
        from hrnet_mm.engine import curves

        from . import visualization  # here, because it is slow to import

        curve = curves.draw([curves.read_run(output)], output / 'learning_curve.png')
        bar.advance(task)
        os.environ['TINY_PEOPLE'] = str(data)
        sheet = visualization.prediction_sheet(
            config, checkpoint, output / 'predictions.png'
        )
        bar.advance(task)
    return curve, sheet


def _mim(arguments: list[str], output: Path, data: Path) -> Iterator[str]:
    # yields the lines of the output, and writes them to a log file
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
        # mim prints its own traceback below that of the job
        causes = [s for s in lines if CAUSE.match(s) and 'CalledProcessError' not in s]
        raise DemoError(
            f'`mim {shlex.join(command)}` failed:\n\n'
            f'{causes[-1] if causes else "".join(lines[-15:])}\n'
            f'The whole output is in {log}. If a library is missing or incompatible, '
            '`hrnet-mm doctor` suggests a fix.'
        )


def _progress_bar(console: Console) -> Progress:
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn('ETA'),
        TimeRemainingColumn(),
        console=console,
    )


def _print_without_terminal(bar: Progress, line: str) -> None:
    # rich draws progress bars on terminals only
    if not bar.console.is_terminal:
        bar.console.print(line)


def _print_summary(console: Console, result: dict, curve: Path, sheet: Path) -> None:
    console.print(
        f'\n[bold]AP {100 * result["AP"]:.1f}[/] on the test split of TinyPeople '
        f'(COCO metric), after {result["training_seconds"]} s of training.\n'
    )
    console.print(f'  learning curve  {curve}')
    console.print(f'  predictions     {sheet}')
    console.print(f'  checkpoint      {result["checkpoint"]}')
    console.print(
        '\nTrain for as long again (run `source .venv/bin/activate` first):\n'
    )
    console.print(f'  {result["go_on"]}', soft_wrap=True)
    console.print('\nTrain on COCO (see docs/pose.md):\n')
    console.print('  COCO=FOLDER mim train mmpose configs/hrnet_w48_coco.py\n')


def _relative(path: Path) -> str:
    path = path.resolve()
    folder = Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
