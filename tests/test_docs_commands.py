"""Each command of README and docs can run, and those of the README do."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from commands import TINY, check, check_options, lines_of, read, settings_of
from mmengine.config import DictAction

from hrnet_mm.cli import main

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / 'README.md',
    ROOT / 'CONTRIBUTING.md',
    *sorted((ROOT / 'docs').glob('*.md')),
]
COMMANDS = {
    line: f'{page.relative_to(ROOT)}: {line}'
    for page in PAGES
    for line in lines_of(page)
}


@pytest.mark.parametrize('line', COMMANDS, ids=COMMANDS.get)
def test_a_command_of_the_docs_can_run(line):
    for library in TINY:
        pytest.importorskip(library)
    check(shlex.split(line))


# Settings in the text do not name a config: one of these has them.
ANY_OF = (*TINY.values(), 'hrnet_w48_coco.py', 'det/fcos_hrnetv2p_w18_coco-1x.py')
SETTINGS = sorted({words for page in PAGES for words in settings_of(page)})


@pytest.mark.parametrize('words', SETTINGS)
def test_settings_in_the_text_are_those_of_a_config(words):
    for library in TINY:
        pytest.importorskip(library)
    parser = ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    options = parser.parse_args(['--cfg-options', *shlex.split(words)]).cfg_options
    faults = []
    for leaf in ANY_OF:
        try:
            return check_options(read(ROOT / 'configs' / leaf), options)
        except (AssertionError, KeyError) as error:
            faults.append(f'{leaf}: {error}')
    pytest.fail('\n'.join(faults))


def test_the_commands_are_found():
    assert len(COMMANDS) > 60
    assert len(SETTINGS) > 10


@pytest.mark.parametrize(
    'line',
    [
        'hrnet-mm shew CONFIG CHECKPOINT',
        'hrnet-mm show CONFIG CHECKPOINT --row 3',
        'hrnet-mm export CONFIG CHECKPOINT --format caffe',
        'mim train mmpose configs/no_such.py',
        'mim train mmseg configs/hrnet_w48_coco.py',
        'mim train mmseg CONFIG --auto-scale-lr',
        'mim train mmpose CONFIG --cfg-options model.backbone.no_such=1',
        'mim train mmpose CONFIG --cfg-options no_such.key=1',
        'mim train mmpose CONFIG --cfg-options train_cfg.no_such=1',
        'mim train mmpose CONFIG --cfg-options default_hooks.no_such.enable=False',
        'mim test mmpose CONFIG --checkpoint work_dirs/hrnet_w48_coco/epoch_211.pth',
        'python -m benchmarks no_such',
        'torchrun --nproc-per-node 2 -m benchmarks.processes --no-such 4',
        'sbatch tools/slurm_train.sh configs/hrnet_w48_coco.py --no-such',
        'make no_such',
        'pip install ".[no_such]"',
        'export NO_SUCH=1',
        'no_such_program',
    ],
)
def test_a_command_that_cannot_run_is_found(line):
    for library in TINY:
        pytest.importorskip(library)
    with pytest.raises((AssertionError, KeyError, click.ClickException, SystemExit)):
        check(shlex.split(line))


# `make` and `pip` belong to the lanes, doctor to its own tests, and a resumed job to
# those of each library.
NOT_HERE = (
    'make', 'pip', 'source', 'hrnet-mm doctor', 'hrnet-mm push',
    'hrnet-mm predict hrnet_w48_coco',  # downloads
)  # fmt: skip
IN_PLACE_OF_COCO = """
_base_ = ['{tiny}']
train_dataloader = dict(batch_size=8)
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
"""


def adapted(line: str, checkpoint: str, people: Path) -> list[str]:
    """A command of the README for one process and the files of this test."""
    line = line.replace('--launcher pytorch -G 8', '')
    if line.startswith('hrnet-mm predict'):  # without a detector to download
        line = f'{line} --whole-image'
    line = line.replace('PHOTOS', str(people / 'images/train'))
    line = line.replace('LABELS', str(people / 'annotations/train.json'))
    for word in ('CHECKPOINT', 'hrnetv2_w48_cityscapes.pth'):
        line = line.replace(word, checkpoint)
    return shlex.split(line.replace('CONFIG', 'configs/hrnet_w48_coco.py'))


@pytest.mark.jobs
def test_the_commands_of_the_readme_run_in_their_order(
    few_people, tmp_path, mim, monkeypatch
):
    """On TinyPeople and a small trunk in place of COCO and W48."""
    pytest.importorskip('mmpose')
    pytest.importorskip('onnxscript')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('TINY_PEOPLE', str(few_people))
    config = tmp_path / 'configs/hrnet_w48_coco.py'
    config.parent.mkdir()
    tiny = ROOT / 'configs' / TINY['mmpose']
    config.write_text(IN_PLACE_OF_COCO.format(tiny=tiny))
    ran = []
    for line in lines_of(ROOT / 'README.md'):
        if line.startswith(NOT_HERE) or '--resume' in line:
            continue
        program, *words = adapted(
            line, 'work_dirs/hrnet_w48_coco/epoch_1.pth', few_people
        )
        ran.append(' '.join([program, words[0]]))
        if program == 'mim':
            done = mim(*words, cwd=tmp_path)
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        else:
            shown = CliRunner().invoke(main, words)
            assert shown.exit_code == 0, f'{line}: {shown.output} {shown.exception}'
    ours = [name.removeprefix('hrnet-mm ') for name in ran]
    assert ours == [
        'new', 'check', 'mim train', 'curves', 'mim test', 'predict', 'show', 'fetch',
        'convert', 'export',
    ]  # fmt: skip
    for name in (
        'mine/config.py', 'outputs/check/report.html', 'curves.png',
        'outputs/predictions/predictions.json', 'predictions.png', 'w48.pth',
        'outputs/export/run.py',
    ):  # fmt: skip
        assert (tmp_path / name).is_file(), name
