"""Training speed of stock configs with ``hrnet_mm.dropin``.

``python -m benchmarks.dropin`` trains stock models of MMPose, MMSegmentation and
MMDetection, alternating between float32 and ``precision='auto'``.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from .networks import Size
from .report import spread, table
from .timing import time_interleaved
from .workload import Workload

SPEED = dict(backbone=dict(precision='auto', cuda_graph=True))
NECK = dict(neck=dict(precision='auto'))


@dataclass(frozen=True)
class StockConfig:
    """A config of a library, and the batch to train it with."""

    library: str
    config: str
    task: str
    batch: int
    size: Size


STOCK = (
    StockConfig(
        'mmpose',
        'body_2d_keypoint/topdown_heatmap/coco/'
        'td-hm_hrnet-w32_8xb64-210e_coco-256x192.py',
        'pose',
        8,
        (256, 192),
    ),
    StockConfig(
        'mmseg',
        'hrnet/fcn_hr18_4xb2-160k_cityscapes-512x1024.py',
        'segmentation',
        1,
        (512, 1024),
    ),
    *(
        StockConfig(
            'mmdet',
            f'hrnet/faster-rcnn_hrnetv2p-{width}-1x_coco.py',
            'detection',
            1,
            (800, 1216),
        )
        for width in ('w18', 'w32', 'w40')
    ),
)


def _build_workload(
    stock: StockConfig, folder: Path, device: str, speed: bool
) -> Workload:
    # through a child config, as users write it
    spec = find_spec(stock.library)
    if spec is None or spec.origin is None:
        raise ValueError(f'{stock.library} is not installed')
    base = Path(spec.origin).parent / '.mim/configs' / stock.config
    path = folder / f'{stock.library}_{speed}.py'
    options: dict[str, Any] = {}
    if speed:
        options = SPEED | (NECK if stock.task == 'detection' else {})
    path.write_text(
        f'_base_ = [{str(base)!r}]\n'
        "custom_imports = dict(imports=['hrnet_mm.dropin'])\n"
        f'model = {options!r}\n'
    )
    workload = Workload(str(path), stock.task, device)
    workload.settle(stock.size)
    return workload


def main() -> None:
    """Print a table of the speedups."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--device', default='cpu')
    names = sorted({stock.library for stock in STOCK})
    parser.add_argument('libraries', nargs='*', default=names, choices=names)
    args = parser.parse_args()
    rows = []
    for stock in (it for it in STOCK if it.library in args.libraries):
        with TemporaryDirectory() as folder:
            steps = {
                name: partial(
                    _build_workload(stock, Path(folder), args.device, speed).train,
                    stock.batch,
                    stock.size,
                )
                for name, speed in dict(float32=False, auto=True).items()
            }
            timings = time_interleaved(
                steps,
                args.rounds,
                partial(print, Path(stock.config).stem, file=sys.stderr),
            )
        pairs = zip(timings['float32'].seconds, timings['auto'].seconds, strict=True)
        ratios = [slow / fast for slow, fast in pairs]
        rows.append((Path(stock.config).stem, str(stock.batch), spread(ratios, '.2f')))
    threads = torch.get_num_threads()
    print(f'{args.device}, {threads} threads, torch {torch.__version__}')
    print(table(('config', 'batch', 'times as fast'), rows))


if __name__ == '__main__':
    main()
