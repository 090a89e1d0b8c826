"""Images per second of ``hrnet-mm predict`` and of the stock inferencers.

``python -m benchmarks.prediction IMAGES`` predicts a folder of images with a model of
each task, alternating between the stock inferencer of its library, which loads the same
config and weights, and the predictor of hrnet_mm. Both write pictures and data.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from hrnet_mm.building import build_model
from hrnet_mm.prediction.formats import ImageIds
from hrnet_mm.prediction.models import People, open_predictor
from hrnet_mm.prediction.pictures import Pictures
from hrnet_mm.prediction.run import Prediction
from hrnet_mm.prediction.sources import Sources

from .report import spread, table
from .timing import time_interleaved

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
TINY = {
    'mmpose': 'pose/hrnet_w18_small_v1_tiny-pose.py',
    'mmseg': 'seg/hrnetv2-ocr_w18_small_v1_tiny-seg.py',
    'mmdet': 'det/faster-rcnn_hrnetv2p_w18_small_v1_tiny-det.py',
    'mmpretrain': 'cls/hrnetc_w18_small_v1_tiny-cls.py',
}


def stock_inferencer(library: str, config: str, weights: str) -> Callable[..., Any]:
    """Return a call that predicts a folder with the stock inferencer of a library.

    The call takes the folder of the images and the output folder, ``''`` for none.
    """
    apis = import_module(f'{library}.apis')
    if library == 'mmpose':
        infer = apis.MMPoseInferencer(
            config, weights, device='cpu', det_model='whole_image'
        )
        return lambda images, out: [*infer(images, out_dir=out or None)]
    if library == 'mmseg':
        infer = apis.MMSegInferencer(config, weights, device='cpu')
        infer.show_progress = False
        return lambda images, out: infer(_list(images), out_dir=out)
    if library == 'mmdet':
        infer = apis.DetInferencer(config, weights, device='cpu', show_progress=False)
        return lambda images, out: infer(
            images, out_dir=out, no_save_pred=not out, no_save_vis=not out
        )
    infer = apis.ImageClassificationInferencer(config, weights, device='cpu')
    return lambda images, out: infer(_list(images), show_dir=out or None)


def _list(folder: str) -> list[str]:
    return sorted(map(str, Path(folder).iterdir()))


def predictor(library: str, config: str, weights: str, fast: bool) -> Callable:
    """Return a call like that of ``stock_inferencer`` for `hrnet-mm predict`."""
    people = People(whole_image=library == 'mmpose')
    built, _ = open_predictor(config, weights, device='cpu', people=people, fast=fast)

    def run(images: str, out: str) -> None:
        with TemporaryDirectory() as unused:
            folder = Path(out or unused)
            data = built.open_data(folder, ImageIds(), ())
            drawn = Pictures(folder) if out else None
            Prediction(built, data, drawn).run(Sources([images]))

    return run


def main() -> None:
    """Run the benchmark for the libraries on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('images', type=Path)
    parser.add_argument('--libraries', nargs='+', default=list(TINY), choices=TINY)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument(
        '--weights', type=Path, help='Folder with NAME.pth of configs; random if none.'
    )
    arguments = parser.parse_args()
    number = len(Sources([str(arguments.images)]))
    threads = torch.get_num_threads()
    print(f'{number} images, {threads} threads, torch {torch.__version__}')
    for library in arguments.libraries:
        with TemporaryDirectory() as folder:
            rows = _measure(library, arguments, Path(folder), number)
        print(table(['library', 'variant', 'images/s', 'times as fast'], rows))


def _measure(library: str, given: Any, folder: Path, number: int) -> list[list[str]]:
    config = str(CONFIGS / TINY[library])
    init_default_scope(library)
    weights = folder / 'weights.pth'
    if given.weights:
        weights = given.weights / f'{Path(config).stem}.pth'
    else:
        model = build_model(Config.fromfile(config))
        torch.save(dict(meta={}, state_dict=model.state_dict()), weights)
    calls: dict[str, Callable] = {}
    variants = {
        'stock': stock_inferencer(library, config, str(weights)),
        'predict': predictor(library, config, str(weights), fast=False),
        'predict --fast': predictor(library, config, str(weights), fast=True),
    }
    for out in ('', str(folder / 'out')):
        for name, call in variants.items():
            full = f'{name}, pictures' if out else name
            calls[full] = partial(call, str(given.images), out)
    log = partial(print, library, file=sys.stderr)
    timings = time_interleaved(calls, given.rounds, log)
    rows = []
    for name, timing in timings.items():
        stock = timings['stock, pictures' if 'pictures' in name else 'stock'].seconds
        ratios = [a / b for a, b in zip(stock, timing.seconds, strict=True)]
        speed = number / median(timing.seconds)
        rows.append([library, name, f'{speed:.1f}', spread(ratios, '.2f')])
    return rows


if __name__ == '__main__':
    main()
