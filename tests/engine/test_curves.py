"""`hrnet-mm curves`: what a log holds, and that figure and table show it."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from rich.console import Console

from hrnet_mm.cli import main
from hrnet_mm.engine.curves import Curve, read_run, read_runs, table

INTERVAL, LENGTH = 5, 12  # each epoch is logged at its iterations 5 and 10


def epochs(numbers, loss=1.0, score='coco/AP', length=LENGTH) -> list[dict]:
    """Lines of mmengine's log of a job that counts epochs."""
    rows = []
    for epoch in numbers:
        for i in range(INTERVAL, length + 1, INTERVAL):
            step = (epoch - 1) * length + i
            rows.append(
                dict(lr=0.1, loss=loss, time=1.0, epoch=epoch, iter=step, step=step)
            )
        rows.append({score: epoch / 10, 'coco/AP .5': 0.9, 'time': 1.0, 'step': epoch})
    return rows


def write(work_dir: Path, *starts: list[dict], end: str = '\n') -> Path:
    """The logs of a job that was started several times."""
    for number, rows in enumerate(starts):
        path = work_dir / f'20260101_00000{number}/vis_data/scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text('\n'.join(map(json.dumps, rows)) + end)
    return work_dir


def test_losses_are_at_their_iterations_and_scores_at_the_end_of_epochs(tmp_path):
    run = read_run(write(tmp_path / 'job', epochs([1, 2, 3])))
    assert run.name == 'job'
    assert run.epoch_length == LENGTH
    assert run.curves['loss'].steps == (5, 10, 17, 22, 29, 34)
    assert run.curves['coco/AP'].steps == (12, 24, 36)
    assert run.curves['coco/AP'].values == (0.1, 0.2, 0.3)
    assert run.scores() == ['coco/AP']
    assert 'time' not in run.curves


def test_a_resumed_job_is_one_run_and_its_later_log_wins(tmp_path):
    killed, resumed = epochs([1, 2, 3]), epochs([2, 3, 4], loss=2.0)
    again = {**epochs([1])[-1], 'coco/AP': 0.11}  # that of the first epoch, once more
    run = read_run(write(tmp_path, killed, [], [again, *resumed]))
    assert run.curves['loss'].steps == (5, 10, 17, 22, 29, 34, 41, 46)
    assert run.curves['loss'].values == (1, 1, 2, 2, 2, 2, 2, 2)
    assert run.curves['coco/AP'].values == (0.11, 0.2, 0.3, 0.4)


def test_a_job_resumed_within_an_epoch_keeps_the_length_of_epochs(tmp_path):
    run = read_run(write(tmp_path, epochs([1, 2]), epochs([2, 3])[1:]))
    assert run.epoch_length == LENGTH
    assert run.curves['coco/AP'].steps == (12, 24, 36)
    run = read_run(write(tmp_path / 'running', epochs([1, 2]), epochs([3])[:1]))
    assert run.epoch_length == LENGTH


def test_a_job_that_started_anew_replaces_a_longer_one(tmp_path):
    run = read_run(write(tmp_path, epochs([1, 2, 3]), epochs([1], loss=2.0)))
    assert run.curves['loss'].values == (2, 2)
    assert run.curves['coco/AP'].steps == (10,)  # not known better from one epoch


@pytest.mark.parametrize('by_default', [True, False])
def test_iterations(tmp_path, by_default):
    """Under the default log processor, all epochs are 1 and scores are at step 0."""
    rows = []
    for step in range(50, 201, 50):
        rows.append(dict(loss=1.0, lr=0.1, iter=step, step=step))
        if by_default:
            rows[-1]['epoch'] = 1
        if step % 100 == 0:
            rows.append(dict(mIoU=step, step=0 if by_default else step))
    run = read_run(write(tmp_path, rows))
    assert run.epoch_length is None
    assert run.curves['mIoU'].steps == run.curves['mIoU'].values == (100, 200)


@pytest.mark.parametrize('part', ['{"loss": 1.0, "it', '{"loss": 1.0}x'])
def test_the_last_line_may_be_half_written_but_no_other(tmp_path, part):
    run = read_run(write(tmp_path / 'a', epochs([1]), end='\n' + part))
    assert run.curves['loss'].steps == (5, 10)
    write(tmp_path / 'b', epochs([1]), end=f'\n{part}\n{{}}\n')
    with pytest.raises(ValueError, match=r'scalars.json, line 4: not JSON'):
        read_run(tmp_path / 'b')


@pytest.mark.parametrize(
    'line',
    [
        '5',
        '[1]',
        'null',
        '{"loss": 9.0, "iter": 3}',
        '{"loss": 9.0, "iter": 3, "step": "a"}',
        '{"loss": 9.0, "iter": 3, "step": Infinity}',
        '{"loss": 1%s, "iter": 3, "step": 3}' % ('0' * 400),
    ],
)
def test_lines_without_a_step_or_a_number_are_left_out(tmp_path, line):
    run = read_run(write(tmp_path / 'a', epochs([1]), end=f'\n{line}\n{line}\n'))
    assert run.curves['loss'].values == (1, 1)
    path = write(tmp_path / 'b', [], end=f'{line}\n{line}\n')
    with pytest.raises(ValueError, match=r'b/.*/scalars.json has no loss or score yet'):
        read_run(path)


@pytest.mark.parametrize('epoch', ['x', None, 0, math.nan])
def test_an_epoch_that_is_no_number_is_not_counted(tmp_path, epoch):
    rows = [dict(row, epoch=epoch) for row in epochs([1]) if 'iter' in row]
    assert read_run(write(tmp_path, rows)).epoch_length is None


@pytest.mark.parametrize('line', [b'[' * 100_000, b'\xff\x00\x80'])
def test_a_log_that_is_no_text_is_one_message(tmp_path, line):
    path = write(tmp_path, []) / '20260101_000000/vis_data/scalars.json'
    path.write_bytes(line + b'\n' + line + b'\n')
    with pytest.raises(ValueError, match=r'scalars.json, line 1: not JSON'):
        read_run(tmp_path)


@pytest.mark.parametrize('name', ['exp[lr=0.1]', 'a$\\foo$', '_a', 'a['])
def test_names_are_shown_as_they_are(tmp_path, name):
    work_dir = write(tmp_path / name, epochs([1], score='s$\\foo$[b]/AP'))
    assert curves(work_dir, '--output', tmp_path / 'curves.svg').exit_code == 0
    shown = io.StringIO()
    Console(file=shown, width=80).print(table([read_run(work_dir)]))
    assert f'│ {name} ' in shown.getvalue()
    assert '│ s$\\foo$[b]/AP │' in shown.getvalue()
    assert f'<!-- {name} -->' in (tmp_path / 'curves.svg').read_text()


def test_a_figure_of_hundreds_of_scores_says_what_it_leaves_out(tmp_path):
    scores = {f's{i:03}': i for i in range(400)}
    work_dir = write(tmp_path / 'job', [*epochs([1])[:2], dict(scores, step=1)])
    assert curves(work_dir, '--output', tmp_path / 'a.svg').exit_code == 0
    text = (tmp_path / 'a.svg').read_text()
    assert '<!-- s009 -->' in text
    assert '<!-- s010 -->' not in text
    assert 'not drawn, but in the table: s010, s011, ' in text
    assert '... (390)' in text


def test_nan_is_neither_best_nor_in_the_smoothed_loss(tmp_path):
    rows = epochs([1, 2])
    rows[0]['loss'] = math.nan
    curve = read_run(write(tmp_path, rows)).curves['loss']
    assert curve.values[curve.best('loss')] == 1
    assert math.isnan(curve.smoothed()[0])
    assert curve.smoothed()[1:] == [1, 1, 1]


def test_the_smoothed_loss_neither_lags_nor_is_noisy():
    line = [100.0 - i for i in range(100)]
    steps = tuple(map(float, range(100)))
    assert Curve(steps, tuple(line)).smoothed() == pytest.approx(line)
    noisy = [value + (-1) ** i for i, value in enumerate(line)]
    middle = Curve(steps, tuple(noisy)).smoothed()[10:-10]
    assert middle == pytest.approx(line[10:-10], abs=0.05)


def test_lower_is_better_for_errors_and_higher_for_scores(tmp_path):
    for name, best in (('NME', 0.1), ('accuracy/top1', 0.3)):
        run = read_run(write(tmp_path / name, epochs([1, 2, 3], score=name)))
        curve = run.curves[name]
        assert curve.values[curve.best(name)] == best


def test_scores_that_are_not_known_are_shown_all(tmp_path):
    rows = [dict(loss=1.0, epoch=1, iter=5, step=5), dict(mine=1, yours=2, step=1)]
    assert read_run(write(tmp_path, rows)).scores() == ['mine', 'yours']


def test_folders_of_the_same_name_are_called_by_their_paths(tmp_path):
    jobs = [write(tmp_path / d / 'job', epochs([1])) for d in 'ab']
    other = write(tmp_path / 'other', epochs([1]))
    names = [run.name for run in read_runs([*jobs, other])]
    assert names == [*map(str, jobs), 'other']
    (run,) = read_runs([write(tmp_path / 'mine/work', epochs([1]))])
    assert run.name == str(tmp_path / 'mine/work')


def curves(*arguments: object):
    return CliRunner().invoke(main, ['curves', *map(str, arguments)])


def test_a_figure_of_runs_of_two_libraries(tmp_path):
    pose = write(tmp_path / 'pose', epochs([1, 2, 3]))
    seg = write(tmp_path / 'seg', epochs([1, 2], loss=-1.0, score='mIoU', length=40))
    path = tmp_path / 'new/curves.png'
    shown = curves(pose, seg, '--output', path)
    assert shown.exit_code == 0, shown.output
    image = Image.open(path)
    assert min(image.size) > 500
    assert {colour[:3] for _, colour in image.getcolors(1 << 24)} >= {
        (31, 119, 180), (255, 127, 14)
    }  # fmt: skip


def test_the_table_has_the_last_and_the_best_value(tmp_path):
    rows = epochs([1, 2, 3])
    rows[-1]['coco/AP'] = 0.15
    shown = io.StringIO()
    console = Console(file=shown, width=80)
    console.print(table([read_run(write(tmp_path / 'pose', rows))]))
    lines = [line.split('│') for line in shown.getvalue().splitlines()]
    assert ['pose', 'coco/AP', '0.15', '3', '0.2', '2'] in [
        [cell.strip() for cell in line[1:-1]] for line in lines
    ]


@pytest.mark.parametrize('suffix', ['.jpg', '.pdf', '.svg'])
def test_other_formats(tmp_path, suffix):
    path = tmp_path / f'curves{suffix}'
    assert curves(write(tmp_path / 'a', epochs([1])), '--output', path).exit_code == 0
    assert path.stat().st_size > 1000
    if suffix == '.svg':  # has the text of the legend in comments
        assert '<!-- as logged -->' in path.read_text()
        assert '<!-- moving average -->' in path.read_text()


def test_what_cannot_be_drawn_is_one_message(tmp_path):
    write(tmp_path / 'jobs/a', epochs([1]))
    empty = write(tmp_path / 'empty', [], end='')
    written = tmp_path / 'curves.png'
    written.write_text('of a user')
    for work_dir, message in (
        (tmp_path / 'none', 'none: no such folder'),
        (tmp_path / 'jobs', 'jobs contains several work folders: '),
        (tmp_path / 'empty/20260101_000000/vis_data', 'has logged nothing yet'),
        (empty, 'has no loss or score yet'),
    ):
        shown = curves(tmp_path / 'jobs/a', work_dir, '--output', written)
        assert shown.exit_code == 1, work_dir
        assert isinstance(shown.exception, SystemExit)
        assert message in shown.output
    assert written.read_text() == 'of a user'
    shown = curves(tmp_path / 'jobs/a', '--output', tmp_path / 'curves.txt')
    assert shown.exit_code == 1
    assert 'curves.txt must end in one of .png, .jpg, .pdf, .svg' in shown.output
