"""Speed of whole training jobs, from ``mim train`` to the score.

``python -m benchmarks.jobs ANNOTATIONS IMAGES`` trains the stock config of each library
(``mim train mmpose``) and ours (``mim train hrnet_mm``), in turns, on the same images.
It prints images per second of training and validation, the start-up time, and the share
of time spent waiting for data. The annotations are a COCO keypoint file with outlines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import torch
from mmengine.config import Config

from .job_data import Data
from .report import spread, table

ROOT = Path(__file__).resolve().parent.parent
MIM = (sys.executable, '-c', 'from mim.cli import cli; cli()')
UNTIMED = 3
"""First steps, which allocate memory and choose algorithms."""


@dataclass(frozen=True)
class Pair:
    """A stock config and ours for the same network.

    Attributes:
        library: Name of the library.
        stock: Path of its config, from ``.mim/configs``.
        ours: Path of our config, from ``configs``.
        batch: Default number of images in a step.
        steps: Default number of steps.
        images: Number of images to validate.
    """

    library: str
    stock: str
    ours: str
    batch: int
    steps: int
    images: int


PAIRS = dict(
    pose=Pair(
        'mmpose',
        'body_2d_keypoint/topdown_heatmap/coco/'
        'td-hm_hrnet-w32_8xb64-210e_coco-256x192.py',
        'pose/hrnet_w32_coco-256x192.py',
        16,
        20,
        96,
    ),
    segmentation=Pair(
        'mmseg',
        'hrnet/fcn_hr18_4xb2-160k_cityscapes-512x1024.py',
        'seg/hrnetv2_w18_cityscapes-512x1024.py',
        2,
        12,
        12,
    ),
    detection=Pair(
        'mmdet',
        'hrnet/mask-rcnn_hrnetv2p-w18-1x_coco.py',
        'det/mask-rcnn_hrnetv2p_w18_coco-1x.py',
        2,
        10,
        10,
    ),
    classification=Pair(
        'mmpretrain',
        'hrnet/hrnet-w18_4xb32_in1k.py',
        'cls/hrnetc_w18_imagenet.py',
        32,
        12,
        128,
    ),
)


@dataclass
class Run:
    """Figures of one job.

    Attributes:
        start_up: Seconds from the command to the first step.
        training: Images per second.
        waiting: Share of the training time in which the model waits for data.
        validation: Images per second, with scoring.
        scores: Scores of the validation.
    """

    start_up: float
    training: float
    waiting: float
    validation: float
    scores: dict[str, float]


def run_job(
    pair: Pair, task: str, ours: bool, data: Data, batch: int, steps: int
) -> Run:
    """Train and validate with ``mim train`` in a process of its own."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        times_path = folder / 'times.json'
        base = _find_config(pair, ours)
        changes = _changes(pair, task, ours, data, batch, steps, times_path)
        changes |= _loop_changes(base, steps)
        if 'pretrained' in base.model:
            changes['model']['pretrained'] = None
        imports = base.get('custom_imports', {}).get('imports', [])
        path = folder / 'config.py'
        lines = [f'_base_ = [{base.filename!r}]']
        lines.append(f'custom_imports = dict(imports={[*imports, HOOK]!r})')
        lines += [f'{key} = {value!r}' for key, value in changes.items()]
        path.write_text('\n'.join(lines))
        command = [*MIM, 'train', 'hrnet_mm' if ours else pair.library, str(path)]
        start = time.time()
        done = subprocess.run(
            [*command, '--work-dir', str(folder / 'work')],
            env=dict(os.environ, PYTHONPATH=str(ROOT)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise click.ClickException(f'{path.read_text()}\n{done.stdout[-4000:]}')
        times = json.loads(times_path.read_text())
    ends = times['steps'][UNTIMED - 1 :]
    seconds = ends[-1] - ends[0]
    begin, end = times['validation'][-2:]
    return Run(
        start_up=times['start'] - start,
        training=batch * (len(ends) - 1) / seconds,
        waiting=sum(times['waits'][UNTIMED - 1 :]) / seconds,
        validation=pair.images / (end - begin),
        scores=times['scores'],
    )


HOOK = 'benchmarks.job_times'


def _find_config(pair: Pair, ours: bool) -> Config:
    if ours:
        return Config.fromfile(ROOT / 'configs' / pair.ours)
    spec = find_spec(pair.library)
    if spec is None or spec.origin is None:
        raise click.ClickException(f'{pair.library} is not installed')
    return Config.fromfile(Path(spec.origin).parent / '.mim/configs' / pair.stock)


def _changes(
    pair: Pair,
    task: str,
    ours: bool,
    data: Data,
    batch: int,
    steps: int,
    times_path: Path,
) -> dict[str, Any]:
    # the same for both configs
    training = dict(batch_size=batch, dataset=data.dataset(task, batch * steps))
    testing: dict[str, Any] = dict(dataset=data.dataset(task, pair.images))
    if task == 'pose':
        testing['dataset']['bbox_file'] = ''  # the boxes of the annotations
    backbone: dict[str, Any] = dict(init_cfg=None)
    if task == 'detection':
        backbone['norm_eval'] = False  # frozen norms without weights output NaN
    model: dict[str, Any] = dict(backbone=backbone)
    if task == 'segmentation' and not torch.cuda.is_available() and not ours:
        # mmengine reverts SyncBN on CPUs; its config must not name a GPU's norm
        model['backbone']['norm_cfg'] = dict(type='BN', requires_grad=True)
        model['decode_head'] = dict(norm_cfg=dict(type='BN', requires_grad=True))
    evaluator = data.metric(task)
    return dict(
        train_dataloader=training,
        val_dataloader=testing,
        test_dataloader=testing,
        **(
            {'val_evaluator': evaluator, 'test_evaluator': evaluator}
            if evaluator
            else {}
        ),
        model=model,
        default_hooks=dict(job_times=dict(type='JobTimesHook', path=str(times_path))),
        load_from=None,
    )


def _loop_changes(base: Config, steps: int) -> dict[str, Any]:
    # one epoch, then one validation
    loop = dict(base.train_cfg)
    if loop.get('by_epoch') or 'max_epochs' in loop:
        return dict(train_cfg=dict(max_epochs=1, val_begin=1, val_interval=1))
    return dict(train_cfg=dict(max_iters=steps, val_interval=steps))


@click.command(context_settings=dict(help_option_names=['-h', '--help']))
@click.argument('annotations', type=click.Path(exists=True, path_type=Path))
@click.argument('images', type=click.Path(exists=True, path_type=Path))
@click.option('--task', 'tasks', multiple=True, type=click.Choice([*PAIRS]))
@click.option('--batch', type=click.IntRange(1), help='Images in a step.')
@click.option('--steps', type=click.IntRange(UNTIMED + 2), help='Steps of a job.')
@click.option('--rounds', type=click.IntRange(1), default=3, show_default=True)
def main(
    annotations: Path,
    images: Path,
    tasks: tuple[str, ...],
    batch: int | None,
    steps: int | None,
    rounds: int,
) -> None:
    """Compare jobs of stock configs with jobs of ours."""
    rows = []
    for task in tasks or PAIRS:
        pair = PAIRS[task]
        size, number = batch or pair.batch, steps or pair.steps
        with TemporaryDirectory() as folder:
            samples = max(size * number, pair.images)
            data = Data(annotations, images, Path(folder) / 'data', samples)
            runs: dict[bool, list[Run]] = {False: [], True: []}
            for number_of_round in range(rounds):
                # each goes first in every second round
                for ours in (number_of_round % 2 == 1, number_of_round % 2 == 0):
                    run = run_job(pair, task, ours, data, size, number)
                    click.echo(f'{task} {"ours" if ours else "stock"} {run}', err=True)
                    runs[ours].append(run)
        rows.append(_row(task, runs[False], runs[True]))
    click.echo(f'torch {torch.__version__}, {torch.get_num_threads()} threads')
    click.echo(table(HEAD, rows))


HEAD = (
    'job',
    'training, images/s: stock, ours',
    'times as fast',
    'validation, images/s: stock, ours',
    'times as fast',
    'start-up, s: stock, ours',
    'ratio',
    'waiting for data: stock, ours',
)


def _row(task: str, stock: list[Run], ours: list[Run]) -> list[str]:
    def both(name: str, form: str) -> str:
        middles = (median(getattr(r, name) for r in runs) for runs in (stock, ours))
        return ', '.join(format(middle, form) for middle in middles)

    def ratio(name: str) -> str:
        pairs = zip(stock, ours, strict=True)
        return spread([getattr(b, name) / getattr(a, name) for a, b in pairs], '.2f')

    return [
        task,
        both('training', '.1f'),
        ratio('training'),
        both('validation', '.1f'),
        ratio('validation'),
        both('start_up', '.1f'),
        ratio('start_up'),
        both('waiting', '.0%'),
    ]


if __name__ == '__main__':
    main()
