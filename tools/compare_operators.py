"""Compare hrnet_mm's operators with those of a compiled mmcv: results and times.

    python tools/compare_operators.py results CASES.py  # a script that saves to argv[1]
    python tools/compare_operators.py times             # each operator
    python tools/compare_operators.py steps             # training steps of detectors

It needs an environment with a compiled mmcv. Times are CPU times in milliseconds:
medians of rounds that alternate between both, which reduces the effect of other jobs.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from mmcv import ops  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.registry import MODELS, init_default_scope  # noqa: E402

import hrnet_mm_standins  # noqa: E402

STEPS = [
    'faster-rcnn_hrnetv2p_w18_coco-1x',
    'mask-rcnn_hrnetv2p_w18_coco-1x',
    'cascade-rcnn_hrnetv2p_w18_coco-20e',
    'fcos_hrnetv2p_w18_coco-1x',
]


def compare_results(cases: Path) -> None:
    """Run a script of cases with both; print the largest difference by operator."""
    outputs = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ('compiled', 'torchvision'):
            out = Path(folder, name)
            environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'HRNET_MM_OPS': name}
            subprocess.run([sys.executable, cases, out], env=environment, check=True)
            outputs.append(torch.load(out))
    theirs, ours = outputs
    rows: dict[str, list[float]] = defaultdict(list)
    for name in theirs.keys() & ours.keys():
        pairs = zip(theirs[name], ours[name], strict=True)
        kind = re.match(r'[a-z_]+( [a-z_]+\b)*', name)[0]
        rows[kind].append(
            max((_relative_difference(a, b) for a, b in pairs), default=0.0)
        )
    for kind, found in sorted(rows.items()):
        print(f'{kind:32s} {len(found):4d} cases, largest difference {max(found):.1e}')
    print('only with ours:', *sorted(ours.keys() - theirs.keys()))


def _relative_difference(a: Any, b: Any) -> float:
    # relative to the largest value; infinite if shapes, integers or NaNs differ
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    if a.shape != b.shape or not (a.is_floating_point() or torch.equal(a, b)):
        return float('inf')
    if not a.numel():
        return 0.0
    error = ((a - b).abs().max() / a.abs().max().clamp(min=1e-12)).item()
    return error if error == error else float('inf')


def _load_both() -> dict[str, ModuleType]:
    import mmcv._ext as compiled

    if 'standins' in str(compiled.__file__):
        sys.exit('no compiled mmcv found; is HRNET_MM_OPS=torchvision set?')
    spec = hrnet_mm_standins.StandInFinder(['mmcv._ext']).find_spec('mmcv._ext')
    ours = sys.modules['mmcv._ext'] = module_from_spec(spec)  # for its relative imports
    spec.loader.exec_module(ours)
    sys.modules['mmcv._ext'] = compiled
    return dict(ours=ours, compiled=compiled)


def _use_extension(extension: ModuleType) -> None:
    for info in pkgutil.iter_modules(ops.__path__):
        module = importlib.import_module(f'mmcv.ops.{info.name}')
        if hasattr(module, 'ext_module'):
            module.ext_module = extension


def compare_times(name: str, run: Callable[[], Any], rounds: int, sides: dict) -> None:
    """Print the median times of both and their ratio."""
    spent: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for side in sorted(sides, reverse=bool(number % 2)):
            _use_extension(sides[side])
            start = time.process_time()
            run()
            spent[side].append((time.process_time() - start) * 1e3)
    ours, theirs = spent['ours'][1:], spent['compiled'][1:]  # the first warms up
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    row = [f'{statistics.median(side):9.1f}' for side in (ours, theirs)]
    print(f'{name:36s}', *row, f'{ratio:6.2f}', flush=True)


def _operator_calls() -> dict[str, Callable[[], Any]]:
    center, half = torch.rand(8000, 2) * 1000, torch.rand(8000, 2) * 60 + 4
    boxes, scores = torch.cat([center - half, center + half], 1), torch.rand(8000)
    most, classes = (boxes[:2000], scores[:2000]), torch.arange(8000) % 5
    limit = dict(iou_threshold=0.7)
    dets = torch.cat([boxes, scores[:, None]], 1)
    rois = torch.cat([torch.zeros(8000, 1), boxes.clamp(0, 800)], 1)
    features = torch.randn(1, 256, 100, 100, requires_grad=True)
    near = torch.randn(1, 256, 50, 50, requires_grad=True)
    offset = torch.randn(1, 18, 50, 50, requires_grad=True)
    mask, psa = torch.rand(1, 9, 50, 50), torch.randn(1, 3481, 30, 30).requires_grad_()
    plain = ops.DeformConv2d(256, 256, 3, padding=1)
    modulated = ops.ModulatedDeformConv2d(256, 256, 3, padding=1)

    def pool(size: int, count: int) -> Callable[[], Any]:
        return lambda: ops.RoIAlign(size, 0.125, 0)(features, rois[:count])

    forward: dict[str, Callable[[], Any]] = {
        'RoIAlign 7x7, 512 RoIs': pool(7, 512),
        'RoIAlign 14x14, 128 RoIs': pool(14, 128),
        'deform_conv 256 ch 50x50': lambda: plain(near, offset),
        'modulated 256 ch 50x50': lambda: modulated(near, offset, mask),
        'psamask 59x59, 30x30': lambda: ops.PSAMask('collect', (59, 59))(psa),
    }
    return {
        'nms 2000': lambda: ops.nms(*most, 0.7),
        'batched_nms 8000': lambda: ops.batched_nms(boxes, scores, classes, limit),
        'soft_nms 500 linear': lambda: ops.soft_nms(boxes[:500], scores[:500]),
        'soft_nms 2000 linear': lambda: ops.soft_nms(*most),
        'soft_nms 2000 gaussian': lambda: ops.soft_nms(*most, method='gaussian'),
        'nms_match 1000': lambda: ops.nms_match(dets[:1000], 0.5),
        **{f'{name}: forward': run for name, run in forward.items()},
        **{
            f'{name}: + backward': lambda run=run: run().sum().backward()
            for name, run in forward.items()
        },
    }


def _training_step(config: str) -> Callable[[], None]:
    from mmdet.testing import demo_mm_inputs

    init_default_scope('mmdet')
    settings = Config.fromfile(ROOT / f'configs/det/{config}.py').model
    settings.backbone.update(init_cfg=None, norm_eval=False, frozen_stages=-1)
    torch.manual_seed(0)
    model = MODELS.build(settings).train()
    batch = demo_mm_inputs(1, [(3, 800, 1216)], num_items=[8], with_mask=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)

    def step() -> None:
        torch.manual_seed(1)  # the samplers draw the same RoIs
        data = model.data_preprocessor(batch, training=True)
        optimizer.zero_grad()
        model.parse_losses(model(**data, mode='loss'))[0].backward()
        optimizer.step()

    return step


def main() -> None:
    """Run the comparison of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('what', choices=['results', 'times', 'steps'])
    parser.add_argument('cases', nargs='?', type=Path, help='for results')
    parser.add_argument('--only', default='', help='part of the names')
    parser.add_argument('--rounds', type=int, default=5)
    args = parser.parse_args()
    if args.what == 'results':
        return compare_results(args.cases)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sides = _load_both()
    print(f'{"milliseconds":36s} {"ours":>9s} {"compiled":>9s}  ratio')
    runs = _operator_calls() if args.what == 'times' else dict.fromkeys(STEPS)
    for name, run in runs.items():
        if args.only in name:
            run = run or _training_step(name)
            compare_times(name, run, args.rounds, sides)


if __name__ == '__main__':
    main()
