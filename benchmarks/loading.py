"""Samples per second and core of the training data of stock configs and of ours.

``python -m benchmarks.loading pose --coco FOLDER`` loads the same images through the
training data loader of MMPose's config and of ours, in turns. Each has one worker, and
all processes share one core, so that the figures contain what receiving a batch costs
the training process. The folders have the layout of COCO, Cityscapes and ImageNet.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import active_children
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from .report import spread, table
from .timing import time_interleaved

CONFIGS = Path(__file__).parents[1] / 'configs'
REPEATED = 10_000  # there may be a few images only


@dataclass(frozen=True)
class Recipe:
    """A config of a library and the config of ours with the same training data.

    Attributes:
        batch: Number of samples in a batch.
        data: The option of the command line with the folder of the data.
        annotations: The annotation file in it, if there is one.
        folders: The ``data_prefix`` of the data set.
    """

    library: str
    stock: str
    ours: str
    batch: int
    data: str
    folders: Mapping[str, str] = field(default_factory=dict)
    annotations: str = ''

    def dataset(self, args: argparse.Namespace) -> dict[str, Any]:
        """Return the arguments of the data set for the folder of the command line."""
        root = Path(getattr(args, self.data)).absolute()
        names: dict[str, Any] = dict(data_root=str(root))
        if self.folders:
            names['data_prefix'] = {
                key: name.format(args.split) for key, name in self.folders.items()
            }
        if self.annotations:
            file = args.annotations or self.annotations.format(args.split)
            names['ann_file'] = file
            if self.library == 'mmdet' and args.annotations:
                names['metainfo'] = dict(classes=_categories(root / file))
        if self.data == 'imagenet':
            names['split'] = args.split
        return names


def _categories(file: Path) -> tuple[str, ...]:
    return tuple(it['name'] for it in json.loads(file.read_text())['categories'])


COCO_IMAGES = dict(img='{}2017/')
COCO_BOXES = 'annotations/instances_{}2017.json'
RECIPES = dict(
    pose=Recipe(
        'mmpose',
        'body_2d_keypoint/topdown_heatmap/coco/'
        'td-hm_hrnet-w32_8xb64-210e_coco-256x192.py',
        'pose/hrnet_w32_coco-256x192.py',
        64,
        'coco',
        COCO_IMAGES,
        'annotations/person_keypoints_{}2017.json',
    ),
    detection=Recipe(
        'mmdet',
        'hrnet/faster-rcnn_hrnetv2p-w18-1x_coco.py',
        'det/faster-rcnn_hrnetv2p_w18_coco-1x.py',
        2,
        'coco',
        COCO_IMAGES,
        COCO_BOXES,
    ),
    masks=Recipe(
        'mmdet',
        'hrnet/mask-rcnn_hrnetv2p-w18-1x_coco.py',
        'det/mask-rcnn_hrnetv2p_w18_coco-1x.py',
        2,
        'coco',
        COCO_IMAGES,
        COCO_BOXES,
    ),
    segmentation=Recipe(
        'mmseg',
        'hrnet/fcn_hr48_4xb2-160k_cityscapes-512x1024.py',
        'seg/hrnetv2_w48_cityscapes-512x1024.py',
        2,
        'cityscapes',
        dict(img_path='leftImg8bit/{}', seg_map_path='gtFine/{}'),
    ),
    classification=Recipe(
        'mmpretrain',
        'hrnet/hrnet-w32_4xb32_in1k.py',
        'cls/hrnetc_w32_imagenet.py',
        32,
        'imagenet',
    ),
)


class Loader:
    """The training data loader of a config, with one worker.

    Args:
        config: Path of the config.
        batch: Number of samples in a batch.
        dataset: Arguments of the data set that replace those of the config.
        samples: Number of samples that a call loads.
        folder: Where to write the child config.
    """

    def __init__(
        self,
        config: Path,
        batch: int,
        dataset: Mapping[str, Any],
        samples: int,
        folder: Path,
    ) -> None:
        # through a child config, as users write it
        changes = dict(
            batch_size=batch, num_workers=1, persistent_workers=False, dataset=dataset
        )
        path = folder / f'{config.stem}_child.py'
        path.write_text(f'_base_ = [{str(config)!r}]\ntrain_dataloader = {changes!r}\n')
        cfg = Config.fromfile(path)
        import_module(cfg.default_scope)
        init_default_scope(cfg.default_scope)
        given = cfg.train_dataloader
        given.dataset = dict(
            type='RepeatDataset', dataset=given.dataset, times=REPEATED
        )
        self.loader = Runner.build_dataloader(given, seed=0)
        before = active_children()
        self.batches = iter(self.loader)
        self.workers = [it for it in active_children() if it not in before]
        self._signal(signal.SIGSTOP)
        self.samples = samples
        self.seconds: dict[str, float] = defaultdict(float)

    def __call__(self) -> None:
        """Load samples."""
        self._signal(signal.SIGCONT)
        loaded = 0
        while loaded < self.samples:
            loaded += len(next(self.batches)['inputs'])
        # a worker that loads ahead would take the core from the other loader
        self._signal(signal.SIGSTOP)

    def _signal(self, number: int) -> None:
        for worker in self.workers:
            if worker.pid is not None:
                os.kill(worker.pid, number)

    def end(self) -> None:
        """End the workers."""
        self._signal(signal.SIGCONT)
        del self.batches
        for worker in self.workers:
            worker.join()

    def profile(self) -> dict[str, float]:
        """Return the milliseconds per sample of each transform, in this process."""
        dataset: Any = self.loader.dataset
        steps = dataset.dataset.pipeline.transforms
        self.seconds.clear()
        dataset.dataset.pipeline.transforms = [
            partial(self._timed, type(step).__name__, step) for step in steps
        ]
        start = time.perf_counter()
        for index in range(self.samples):
            dataset[index]
        whole = time.perf_counter() - start
        self.seconds['data set'] = whole - sum(self.seconds.values())
        return {name: 1e3 * s / self.samples for name, s in self.seconds.items()}

    def _timed(self, name: str, step: Any, results: Any) -> Any:
        start = time.perf_counter()
        results = step(results)
        self.seconds[name] += time.perf_counter() - start
        return results


def _build(recipe: Recipe, args: argparse.Namespace, folder: Path) -> dict[str, Loader]:
    spec = find_spec(recipe.library)
    if spec is None or spec.origin is None:
        raise ValueError(f'{recipe.library} is not installed')
    paths = dict(
        stock=Path(spec.origin).parent / '.mim/configs' / recipe.stock,
        ours=CONFIGS / recipe.ours,
    )
    data = recipe.dataset(args)
    return {
        name: Loader(path, recipe.batch, data, args.samples, folder)
        for name, path in paths.items()
    }


def _print_profile(name: str, parts: Mapping[str, float]) -> None:
    rows = [(part, f'{ms:.3f}') for part, ms in parts.items()]
    rows.append(('sum', f'{sum(parts.values()):.3f}'))
    print(table((name, 'ms per sample'), rows), end='\n\n')


def _measure(
    task: str, loaders: Mapping[str, Loader], args: argparse.Namespace
) -> tuple[str, ...]:
    timings = time_interleaved(
        loaders, args.rounds, partial(print, task, file=sys.stderr)
    )
    for name, loader in loaders.items():
        loader.end()
        if args.profile:
            _print_profile(f'{task}, {name}', loader.profile())
    stock, ours = (timings[name].seconds for name in ('stock', 'ours'))
    ratios = [slow / fast for slow, fast in zip(stock, ours, strict=True)]
    rates = [
        spread([args.samples / s for s in seconds], '.0f') for seconds in (stock, ours)
    ]
    return (task, *rates, spread(ratios, '.2f'))


def main() -> None:
    """Print a table of samples per second and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('tasks', nargs='*', default=['pose'], choices=RECIPES)
    for data in ('coco', 'cityscapes', 'imagenet'):
        parser.add_argument(f'--{data}', help='folder of the data set')
    parser.add_argument('--split', default='train')
    parser.add_argument('--annotations', help='annotation file in the folder of COCO')
    parser.add_argument('--samples', type=int, default=192, help='in each round')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--profile', action='store_true', help='time each transform')
    args = parser.parse_args()
    for task in args.tasks:
        if getattr(args, RECIPES[task].data) is None:
            parser.error(f'{task} needs --{RECIPES[task].data} FOLDER')
    if hasattr(os, 'sched_setaffinity'):  # Linux only
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    MMLogger.get_current_instance().setLevel('WARNING')
    rows = []
    for task in args.tasks:
        with TemporaryDirectory() as folder:
            loaders = _build(RECIPES[task], args, Path(folder))
        rows.append(_measure(task, loaders, args))
    head = ('task', 'stock, samples/s', 'ours, samples/s', 'times as fast')
    print(table(head, rows))


if __name__ == '__main__':
    main()
