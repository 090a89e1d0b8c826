"""``hrnet-mm curves``: loss, learning rate and scores of training jobs.

The source is what mmengine's ``LocalVisBackend`` writes: each start of a job appends
JSON lines to ``WORK_DIR/TIMESTAMP/vis_data/scalars.json``. A line of training has
``iter`` and counts iterations in ``step``. A line of validation has the scores; its
``step`` counts epochs, or iterations if the loop does.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table
from rich.text import Text

from hrnet_mm.files import write_atomically
from hrnet_mm.messages import shortened

LOG = 'vis_data/scalars.json'
LOSS, RATE = 'loss', 'lr'
# The last part of the names of scores that papers report. All scores are shown if a log
# has none of them.
MAIN_SCORES = {
    'AP', 'mAP', 'bbox_mAP', 'segm_mAP', 'mIoU', 'top1', 'PCK', 'AUC', 'NME', 'EPE',
}  # fmt: skip
LOWER_IS_BETTER = {'loss', 'NME', 'EPE'}
NO_SCORES = {'step', 'time', 'data_time', 'memory'}
# What locates a row, and its least value.
LOCATION = {'step': 0, 'iter': 0, 'epoch': 1}
MAX_PANELS = 12  # a figure of 400 takes minutes
# The smoothed loss is the mean over entries of the log on both sides: at most so many
# on each, and at most this share of all entries.
SIDE, SIDE_SHARE = 10, 0.1
PALE = 0.25  # opacity
FORMATS = ('.png', '.jpg', '.pdf', '.svg')


@dataclass(frozen=True)
class Curve:
    """A value by iteration.

    Attributes:
        steps: The iterations after which it was logged, in ascending order.
        values: The values.
    """

    steps: tuple[float, ...]
    values: tuple[float, ...]

    def best(self, name: str) -> int:
        """Return the index of the best value; NaN is never the best."""
        sign = 1 if _last_part(name) in LOWER_IS_BETTER else -1
        keys = [sign * v if v == v else float('inf') for v in self.values]
        return keys.index(min(keys))

    def smoothed(self) -> list[float]:
        """Return the centred moving average, NaN excluded.

        Towards both ends, the window becomes shorter on both sides, so that a loss that
        falls steadily is not changed.
        """
        number = len(self.values)
        most = min(SIDE, int(SIDE_SHARE * number))
        averages = []
        for i in range(number):
            side = min(most, i, number - 1 - i)
            window = [v for v in self.values[i - side : i + side + 1] if v == v]
            averages.append(sum(window) / len(window) if window else float('nan'))
        return averages


@dataclass(frozen=True)
class Run:
    """What a job has logged, all its starts joined.

    Attributes:
        name: The name in figure and table.
        curves: ``loss``, ``lr`` and the scores by name; those that were logged.
        epoch_length: Iterations of an epoch, or None if the job counts iterations.
    """

    name: str
    curves: dict[str, Curve]
    epoch_length: float | None

    def scores(self) -> list[str]:
        """Return the names of the main scores, or of all if there is no main one."""
        names = [name for name in self.curves if name not in (LOSS, RATE)]
        return [n for n in names if _last_part(n) in MAIN_SCORES] or names


def read_run(work_dir: Path, name: str | None = None) -> Run:
    """Read the logs of a training job, which may still be running.

    If a job was resumed, a later log replaces an earlier one from the iteration on with
    which it starts.

    Args:
        work_dir: The work folder of the job, or the folder of one of its starts.
        name: The name of the run; by default that of the folder.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If nothing was logged yet, or if a log is damaged.
    """
    rows: list[tuple[tuple[float, bool], dict]] = []
    length = None
    logs = _find_logs(work_dir)
    for log in logs:
        if later := _read_rows(log):
            length = _epoch_length(later, length)
            located = list(_locate(later, length))
            rows = [row for row in rows if row[0] < located[0][0]] + located
    curves = _curves(rows)
    if not curves:
        raise ValueError(
            f'{logs[-1]} has no loss or score yet: the first loss is logged after '
            'default_hooks.logger.interval iterations'
        )
    return Run(name or work_dir.resolve().name, curves, length)


def read_runs(work_dirs: Sequence[Path]) -> list[Run]:
    """Read several jobs; they are called by the names of their folders.

    A folder ``work``, as `hrnet-mm new` proposes it, and folders of the same name are
    called by the paths that are given.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If nothing was logged yet, or if a log is damaged.
    """
    folders = [work_dir.resolve().name for work_dir in work_dirs]
    return [
        read_run(
            work_dir,
            str(work_dir) if folder == 'work' or folders.count(folder) > 1 else folder,
        )
        for work_dir, folder in zip(work_dirs, folders, strict=True)
    ]


def _find_logs(work_dir: Path) -> list[Path]:
    if not work_dir.is_dir():
        raise FileNotFoundError(f'{work_dir}: no such folder')
    if (work_dir / LOG).is_file():
        return [work_dir / LOG]
    if logs := sorted(work_dir.glob(f'*/{LOG}')):  # TIMESTAMP, in the order of time
        return logs
    if not (jobs := sorted({str(p.parents[2]) for p in work_dir.glob(f'*/*/{LOG}')})):
        raise ValueError(
            f'{work_dir} is not the work folder of a training job, or the job has '
            f'logged nothing yet: there is no {work_dir}/TIMESTAMP/{LOG}. '
            'LocalVisBackend writes it, which has to be in visualizer.vis_backends'
        )
    raise ValueError(f'{work_dir} contains several work folders: {shortened(jobs)}')


def _read_rows(log: Path) -> list[dict[str, float]]:
    # binary files have no line of JSON, so that they are reported like damaged ones
    lines = log.read_text(errors='replace').splitlines()
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number < len(lines):
                raise ValueError(f'{log}, line {number}: not JSON: {error}') from error
            continue  # the job is writing the last line, or was killed while it did
        numbers = _numbers(row) if isinstance(row, dict) else {}
        if 'step' in numbers:
            rows.append(numbers)
    return rows


def _numbers(row: dict[str, object]) -> dict[str, float]:
    # a loss may be NaN or infinite, but not what it is located by
    numbers = {}
    for name, value in row.items():
        with suppress(OverflowError):  # of integers with hundreds of digits
            if isinstance(value, int | float):
                numbers[name] = float(value)
    return {
        name: value
        for name, value in numbers.items()
        if name not in LOCATION or LOCATION[name] <= value < math.inf
    }


def _epoch_length(rows: list[dict], former: float | None) -> float | None:
    # Each epoch is logged at the same iterations of it, but not always at its last one.
    # In the first epoch of a resumed job, the first ones may be missing.
    firsts: dict[int, float] = {}
    last = 0
    for row in rows:
        if 'iter' in row and 'epoch' in row:
            firsts.setdefault(row['epoch'], row['step'])
            last = row['step']
    if not firsts:
        return former
    if not _counts_epochs(rows):
        return None
    lengths = [firsts[e + 1] - firsts[e] for e in firsts if e + 1 in firsts]
    if former and 1 not in firsts:  # resumed, not started anew
        lengths.append(former)
    return max(lengths, default=last / max(firsts))


def _counts_epochs(rows: list[dict]) -> bool:
    # a loop of iterations under the default LogProcessor logs epoch 1 and step 0
    epochs = [row['epoch'] for row in rows if 'epoch' in row]
    steps = [row['step'] for row in rows if 'iter' not in row]
    return max(epochs) > 1 or not steps or max(steps) == 1


def _locate(
    rows: list[dict], length: float | None
) -> Iterator[tuple[tuple[float, bool], dict]]:
    # yields rows with the iteration, and whether it is validation, which comes after
    # the training step of this iteration
    last = 0
    for row in rows:
        if 'iter' in row:
            last = row['step']
            yield (last, False), row
        elif length:
            yield (row['step'] * length, True), row
        else:
            yield (row['step'] or last, True), row


def _curves(rows: Iterable[tuple[tuple[float, bool], dict]]) -> dict[str, Curve]:
    points: dict[str, dict[float, float]] = {}
    for (step, is_score), row in rows:
        names = row.keys() - NO_SCORES if is_score else row.keys() & {LOSS, RATE}
        for name in sorted(names):
            if isinstance(row[name], (int, float)):
                points.setdefault(name, {})[step] = row[name]
    return {
        name: Curve(tuple(sorted(values)), tuple(values[s] for s in sorted(values)))
        for name, values in points.items()
    }


def _last_part(name: str) -> str:
    return name.rsplit('/', 1)[-1]


def draw(runs: Sequence[Run], path: Path) -> Path:
    """Draw loss, learning rate and scores, a colour for each run.

    Args:
        runs: The runs.
        path: The path of the figure, which is replaced; missing folders are created.

    Returns:
        The path. Values beyond the first ``MAX_PANELS`` are not drawn; the figure says
        so.

    Raises:
        ValueError: If the figure has no known suffix.
        OSError: If it cannot be written.
    """
    if path.suffix not in FORMATS:
        raise ValueError(f'{path} must end in one of {", ".join(FORMATS)}')
    names = [n for n in (LOSS, RATE) if any(n in run.curves for run in runs)]
    names += sorted({name for run in runs for name in run.scores()})
    names, others = names[:MAX_PANELS], names[MAX_PANELS:]
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(5 * columns, 3.6 * lines), layout='constrained')
    axes = figure.subplots(lines, columns, squeeze=False).flatten()
    for axis, name in zip(axes, names, strict=False):
        _draw_panel(axis, name, runs)
    for axis in axes[len(names) :]:
        axis.remove()
    handles = [axes[0].plot([], [], **_style(i))[0] for i in range(len(runs))]
    numbers = [str(i) for i in range(len(runs))]
    legend = figure.legend(handles, numbers, loc='outside upper left', ncols=columns)
    for text, run in zip(legend.get_texts(), runs, strict=True):
        # set here, because matplotlib leaves out labels like `_a`
        text.set(text=run.name, parse_math=False)
    if others:
        left_out = f'not drawn, but in the table: {shortened(others)}'
        figure.supxlabel(left_out, parse_math=False)
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix[1:], dpi=150)
    write_atomically(path, content.getvalue())
    return path


def _style(number: int) -> dict:
    return dict(color=f'C{number % 10}', linestyle=('-', '--', ':')[number // 10 % 3])


def _draw_panel(axis: Axes, name: str, runs: Sequence[Run]) -> None:
    in_epochs = _in_epochs(runs)
    for number, run in enumerate(runs):
        if (curve := run.curves.get(name)) is None:
            continue
        unit = run.epoch_length if in_epochs and run.epoch_length else 1
        steps = [step / unit for step in curve.steps]
        if name == LOSS:
            axis.plot(steps, curve.values, **_style(number), alpha=PALE)
            axis.plot(steps, curve.smoothed(), **_style(number))
        else:
            marker = None if name == RATE else '.'
            axis.plot(steps, curve.values, **_style(number), marker=marker)
    title = {LOSS: 'loss', RATE: 'learning rate'}.get(name, name)
    axis.set_title(title, parse_math=False)
    axis.set_xlabel('epoch' if in_epochs else 'iteration')
    losses = [v for run in runs if name in run.curves for v in run.curves[name].values]
    if name == LOSS and min(losses) > 0:
        axis.set_yscale('log')
    if name == LOSS:
        axis.plot([], [], color='black', alpha=PALE, label='as logged')
        axis.plot([], [], color='black', label='moving average')
        axis.legend()
    axis.grid(alpha=0.3)


def _in_epochs(runs: Sequence[Run]) -> bool:
    return all(run.epoch_length for run in runs)


def table(runs: Sequence[Run]) -> Table:
    """Return a table of the last and the best loss and scores of each run."""
    unit = 'epoch' if _in_epochs(runs) else 'iteration'
    shown = Table()
    for title in ('run', 'value', 'last', f'at {unit}', 'best', f'at {unit}'):
        shown.add_column(
            title, justify='left' if title in ('run', 'value') else 'right'
        )
    for run in runs:
        length = run.epoch_length if unit == 'epoch' and run.epoch_length else 1
        for name in (LOSS, *run.scores()):
            if curve := run.curves.get(name):
                cells = (
                    text
                    for i in (-1, curve.best(name))
                    for text in (
                        f'{curve.values[i]:.4g}',
                        f'{curve.steps[i] / length:.4g}',
                    )
                )
                shown.add_row(Text(run.name), Text(name), *cells)
        shown.add_section()
    return shown
