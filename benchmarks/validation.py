"""Speed of validation: stock configs with the HRNet of their library, and with ours.

``python -m benchmarks.validation`` times ``test_step`` of stock models, with flip test
and post-processing, in turns: with the HRNet of the library, and with that of
``hrnet_mm.dropin`` and ``deploy_cfg``, in float32, in bfloat16 and compiled.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor

from hrnet_mm.building import build_model

from .networks import Row, Size
from .report import spread, table
from .settling import settle
from .timing import allocator, time_interleaved

CLASSES = ('HRNet', 'HRFPN', 'HRFuseScales')  # that hrnet_mm.dropin replaces


@dataclass(frozen=True)
class Validation:
    """A config of a library, and the batch to validate it with."""

    row: Row
    batch: int
    size: Size


VALIDATIONS = (
    Validation(
        Row(
            'pose',
            'td-hm_hrnet-w32 256x192, flip test',
            'mmpose',
            'body_2d_keypoint/topdown_heatmap/coco/'
            'td-hm_hrnet-w32_8xb64-210e_coco-256x192.py',
        ),
        32,
        (256, 192),
    ),
    Validation(
        Row(
            'segmentation',
            'fcn_hr18 512x1024',
            'mmseg',
            'hrnet/fcn_hr18_4xb2-160k_cityscapes-512x1024.py',
        ),
        1,
        (512, 1024),
    ),
    Validation(
        Row(
            'detection',
            'faster-rcnn_hrnetv2p-w18 800x1216',
            'mmdet',
            'hrnet/faster-rcnn_hrnetv2p-w18-1x_coco.py',
        ),
        1,
        (800, 1216),
    ),
    Validation(
        Row(
            'classification',
            'hrnet-w32 224x224',
            'mmpretrain',
            'hrnet/hrnet-w32_4xb32_in1k.py',
        ),
        32,
        (224, 224),
    ),
)


def _build(
    validation: Validation, device: str, deploy_cfg: dict[str, Any] | None
) -> Any:
    # with the classes themselves, because the drop-in replaces them in the registry
    package = validation.row.package
    source = import_module(
        f'{package}.models' if deploy_cfg is None else f'hrnet_mm.dropin.{package}'
    )
    cfg = Config.fromfile(validation.row.path)
    model = cfg.model
    necks = model.get('neck') or []
    for part in (model.backbone, *(necks if isinstance(necks, list) else [necks])):
        if part.type in CLASSES:
            part.type = getattr(source, part.type)
    model.backbone.init_cfg = None
    if validation.row.task == 'detection':
        # frozen norms of a network without weights output NaN
        model.backbone.norm_eval = False
    if deploy_cfg is not None:
        model.backbone.deploy_cfg = deploy_cfg
    return build_model(cfg, device)


def _build_all(validation: Validation, device: str) -> dict[str, Any]:
    # with the same weights
    sizes = [(validation.batch, 3, *validation.size)]
    torch.manual_seed(0)
    stock = _build(validation, device, None)
    images = torch.randn(2, 3, *validation.size, device=device)
    settle(stock, lambda: stock.extract_feat(images))
    models = dict(
        float32=_build(validation, device, dict()),
        bfloat16=_build(validation, device, dict(dtype='bfloat16')),
        compiled=_build(validation, device, dict(sizes=sizes)),
    )
    for model in models.values():
        model.load_state_dict(stock.state_dict())
    models = dict(stock=stock, **models)
    for model in models.values():
        model.eval()
    return models


@torch.no_grad()
def _validate(model: Any, validation: Validation, images: list[Tensor]) -> None:
    make: Mapping[str, Any] = dict(
        pose=_pose_sample, segmentation=_seg_sample, detection=_det_sample
    )
    sample = make.get(validation.row.task, _cls_sample)
    model.test_step(
        dict(inputs=images, data_samples=[sample(validation.size) for _ in images])
    )


def _pose_sample(size: Size) -> Any:
    # 17 keypoints, as in COCO
    import numpy as np
    from mmengine.structures import InstanceData
    from mmpose.structures import PoseDataSample

    height, width = size
    box = np.array([[0, 0, width, height]], np.float32)
    pairs = [i + 1 if i % 2 else i - 1 for i in range(1, 17)]
    meta = dict(
        flip_indices=[0, *pairs],
        input_size=(width, height),
        input_center=np.array([width, height]) / 2,
        input_scale=np.array([width, height]),
    )
    boxes = InstanceData(bboxes=box, bbox_scores=np.ones(1, np.float32))
    return PoseDataSample(gt_instances=boxes, metainfo=meta)


def _seg_sample(size: Size) -> Any:
    from mmseg.structures import SegDataSample

    meta = dict(img_shape=size, ori_shape=size, pad_shape=size)
    return SegDataSample(metainfo=meta)


def _det_sample(size: Size) -> Any:
    from mmdet.structures import DetDataSample

    meta = dict(img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0))
    return DetDataSample(metainfo=meta)


def _cls_sample(size: Size) -> Any:
    from mmpretrain.structures import DataSample

    return DataSample()


def main() -> None:
    """Print a table of images per second and speedups."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--device', default='cpu')
    names = [it.row.package for it in VALIDATIONS]
    parser.add_argument('libraries', nargs='*', default=names, choices=names)
    args = parser.parse_args()
    rows = []
    for it in (it for it in VALIDATIONS if it.row.package in args.libraries):
        images = [*torch.randint(0, 256, (it.batch, 3, *it.size), dtype=torch.uint8)]
        models = _build_all(it, args.device)
        cases = {
            name: partial(_validate, model, it, images)
            for name, model in models.items()
        }
        timings = time_interleaved(
            cases, args.rounds, partial(print, it.row.package, file=sys.stderr)
        )
        stock = timings['stock'].seconds
        rate = it.batch / statistics.median(stock)
        ratios = [
            spread(
                [slow / fast for slow, fast in zip(stock, done.seconds, strict=True)],
                '.2f',
            )
            for name, done in timings.items()
            if name != 'stock'
        ]
        rows.append((it.row.name, str(it.batch), f'{rate:.2f}', *ratios))
    threads = torch.get_num_threads()
    print(f'{args.device}, {threads} threads, torch {torch.__version__}, {allocator()}')
    head = ('config', 'batch', 'images/s of stock', 'float32', 'bfloat16', 'compiled')
    print(table(head, rows))


if __name__ == '__main__':
    main()
