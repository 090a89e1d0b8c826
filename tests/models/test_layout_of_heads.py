"""The heads of mmdet and mmseg on our trunk compute the same in channels_last.

In double precision, because rounding flips ReLUs in single precision: there the
direction of all gradients is compared. The heads with operators of their own run with
the short jobs; ``pytest -m sweep`` runs all.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import pytest
import stock
import torch
from batches import detection_batch
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from torch import Tensor, nn

from hrnet_mm.models.layout import to_channels_last

# Not PointRend: it ranks points by their scores, and weights that differ by rounding
# alone change its loss as much.
MMDET = [
    'fcos/fcos_r50-dcn-caffe_fpn_gn-head-center-normbbox-centeronreg-giou_1x_coco.py',
    'gfl/gfl_r50_fpn_1x_coco.py',
    'reppoints/reppoints-moment_r50_fpn_1x_coco.py',
    'tood/tood_r50_fpn_1x_coco.py',
    'vfnet/vfnet_r50_fpn_1x_coco.py',
]
MMSEG = [
    'danet/danet_r50-d8_4xb2-40k_cityscapes-512x1024.py',
    'segformer/segformer_mit-b0_8xb1-160k_cityscapes-1024x1024.py',
]
MORE_MMDET = [
    'atss/atss_r50_fpn_1x_coco.py',
    'autoassign/autoassign_r50-caffe_fpn_1x_coco.py',
    'cascade_rcnn/cascade-mask-rcnn_r50-caffe_fpn_1x_coco.py',
    'centernet/centernet-update_r50-caffe_fpn_ms-1x_coco.py',
    'condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py',
    'conditional_detr/conditional-detr_r50_8xb2-50e_coco.py',
    'crowddet/crowddet-rcnn_r50_fpn_8xb2-30e_crowdhuman.py',
    'dab_detr/dab-detr_r50_8xb2-50e_coco.py',
    'ddod/ddod_r50_fpn_1x_coco.py',
    'deformable_detr/deformable-detr-refine-twostage_r50_16xb2-50e_coco.py',
    'detr/detr_r50_8xb2-150e_coco.py',
    'dino/dino-4scale_r50_8xb2-12e_coco.py',
    'double_heads/dh-faster-rcnn_r50_fpn_1x_coco.py',
    'dyhead/atss_r50-caffe_fpn_dyhead_1x_coco.py',
    'dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco.py',
    'faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
    'foveabox/fovea_r50_fpn_4xb4-1x_coco.py',
    'free_anchor/freeanchor_r50_fpn_1x_coco.py',
    'fsaf/fsaf_r50_fpn_1x_coco.py',
    'grid_rcnn/grid-rcnn_r50_fpn_gn-head_1x_coco.py',
    'groie/faste-rcnn_r50_fpn_groie_1x_coco.py',
    'libra_rcnn/libra-faster-rcnn_r50_fpn_1x_coco.py',
    'mask2former/mask2former_r50_8xb2-lsj-50e_coco.py',
    'maskformer/maskformer_r50_ms-16xb1-75e_coco.py',
    'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py',
    'ms_rcnn/ms-rcnn_r50-caffe_fpn_1x_coco.py',
    'nas_fcos/nas-fcos_r50-caffe_fpn_fcoshead-gn-head_4xb4-1x_coco.py',
    'pisa/faster-rcnn_r50_fpn_pisa_1x_coco.py',
    'queryinst/queryinst_r50_fpn_1x_coco.py',
    'retinanet/retinanet_r50-caffe_fpn_1x_coco.py',
    'scnet/scnet_r50_fpn_1x_coco.py',
    'seesaw_loss/mask-rcnn_r50_fpn_seesaw-loss-normed-mask_random-ms-2x_lvis-v1.py',
    'solo/decoupled-solo-light_r50_fpn_3x_coco.py',
    'solov2/solov2-light_r50-dcn_fpn_ms-3x_coco.py',
    'sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco.py',
    'yolact/yolact_r50_1xb8-55e_coco.py',
]
MORE_MMSEG = [
    f'{name}_4xb2-40k_cityscapes-512x1024.py'
    for name in (
        'ann/ann_r50-d8', 'apcnet/apcnet_r50-d8', 'ccnet/ccnet_r50-d8',
        'deeplabv3/deeplabv3_r50-d8', 'dmnet/dmnet_r50-d8', 'dnlnet/dnl_r50-d8',
        'encnet/encnet_r50-d8',
        'fcn/fcn-d6_r50-d16', 'gcnet/gcnet_r50-d8', 'isanet/isanet_r50-d8',
        'nonlocal_net/nonlocal_r50-d8', 'psanet/psanet_r50-d8', 'upernet/upernet_r50',
    )
] + [
    'bisenetv1/bisenetv1_r50-d32-in1k-pre_4xb4-160k_cityscapes-1024x1024.py',
    'emanet/emanet_r50-d8_4xb2-80k_cityscapes-512x1024.py',
    'erfnet/erfnet_fcn_4xb4-160k_cityscapes-512x1024.py',
    'fastscnn/fast_scnn_8xb4-160k_cityscapes-512x1024.py',
    'hrnet/fcn_hr18_4xb2-160k_cityscapes-512x1024.py',
    'icnet/icnet_r50-d8-in1k-pre_4xb2-160k_cityscapes-832x832.py',
    'ocrnet/ocrnet_hr18_4xb2-160k_cityscapes-512x1024.py',
    'pspnet/pspnet_r50-d32_4xb2-80k_cityscapes-512x1024.py',
    'segmenter/segmenter_vit-b_mask_8xb1-160k_ade20k-512x512.py',
    'segnext/segnext_mscan-b_1xb16-adamw-160k_ade20k-512x512.py',
    'sem_fpn/fpn_r50_4xb2-80k_cityscapes-512x1024.py',
    'stdc/stdc1_4xb12-80k_cityscapes-512x1024.py',
]  # fmt: skip


def marked(library: str, few: list[str], more: list[str]) -> list:
    return [
        pytest.param(library, path, marks=mark, id=path.split('/')[0])
        for paths, mark in ((few, pytest.mark.jobs), (more, pytest.mark.sweep))
        for path in paths
    ]


@pytest.fixture(autouse=True)
def _dtype_of_others() -> Iterator[None]:
    yield
    torch.set_default_dtype(torch.float32)


def make_batch(library: str) -> dict:
    if library == 'mmdet':
        batch = detection_batch()
        for sample in batch['data_samples']:
            sample.set_metainfo(dict(batch_input_shape=(128, 160)))
        return batch
    from mmseg.structures import SegDataSample

    size = (64, 64)
    sample = SegDataSample(
        metainfo=dict(img_shape=size, ori_shape=size, pad_shape=size),
        gt_sem_seg=PixelData(data=torch.randint(0, 19, (1, *size))),
    )
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    return dict(inputs=[image, image.flip(2)], data_samples=[sample, sample.clone()])


def make_model(library: str, path: str) -> nn.Module:
    MessageHub.get_current_instance().update_info('epoch', 0)  # TOOD asks for it
    config = stock.model_config(library, path)
    if library == 'mmseg':
        config.data_preprocessor.size = (64, 64)
    stock.on_our_trunk(config)
    model = stock.build(library, config).to(torch.get_default_dtype())
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def step(model: nn.Module, batch: dict) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The losses and gradients of a training step, with the same draws each time."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    model.train()
    data = model.data_preprocessor(deepcopy(batch), training=True)
    data['inputs'] = data['inputs'].to(torch.get_default_dtype())
    total, losses = model.parse_losses(model(**data, mode='loss'))
    total.backward()
    named = model.named_parameters()
    return losses, {name: p.grad for name, p in named if p.grad is not None}


@pytest.mark.parametrize(
    ('library', 'path'),
    [*marked('mmdet', MMDET, MORE_MMDET), *marked('mmseg', MMSEG, MORE_MMSEG)],
)
def test_losses_and_gradients_are_the_same(library, path):
    pytest.importorskip(library)
    try:
        compare(library, path, torch.float64)
    except RuntimeError as error:  # some compute their targets in single precision
        if 'dtype' not in str(error) and 'scalar type' not in str(error):
            raise
        compare(library, path, torch.float32)


def compare(library: str, path: str, dtype: torch.dtype) -> None:
    torch.set_default_dtype(dtype)
    torch.manual_seed(0)
    model, batch = make_model(library, path), make_batch(library)
    other = deepcopy(model)
    to_channels_last(other)
    wanted, gradients = step(model, batch)
    losses, other_gradients = step(other, batch)
    assert losses.keys() == wanted.keys()
    for name, loss in losses.items():
        torch.testing.assert_close(loss, wanted[name], rtol=1e-4, atol=1e-8)
    assert other_gradients.keys() == gradients.keys()
    if dtype == torch.float32:
        a, b = (
            torch.cat([them[name].ravel() for name in gradients])
            for them in (gradients, other_gradients)
        )
        assert torch.cosine_similarity(a, b, dim=0) > 0.9999
        return
    largest = max(gradient.abs().max() for gradient in gradients.values())
    for name, gradient in other_gradients.items():
        atol = 1e-4 * float(max(gradients[name].abs().max(), 1e-3 * largest))
        torch.testing.assert_close(gradient, gradients[name], rtol=0, atol=atol)
