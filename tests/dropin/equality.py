"""Outputs and losses of a library's HRNet models, as they are and on the drop-in.

python equality.py mmseg    prints {config: [names of what differs]} as JSON
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmengine.structures import PixelData
from sweep import LINE, hrnet_configs, origins
from torch import Tensor, nn

TOLERANCE = 1e-5  # of the largest value

# For each library, its trunks and its heads.
REPRESENTATIVES = {
    'mmpose': [
        'td-hm_hrnet-w32_8xb64-210e_coco-256x192',
        'td-hm_hrnetv2-w18_8xb64-60e_wflw-256x256',
        'td-hm_hrnet-w32_udp-regress-8xb64-210e_coco-256x192',
        'ae_hrnet-w32_8xb24-300e_coco-512x512',
        'dekr_hrnet-w32_8xb10-140e_coco-512x512',
    ],
    'mmseg': [
        'fcn_hr18s_4xb4-80k_ade20k-512x512',
        'fcn_hr18_4xb4-80k_ade20k-512x512',
        'fcn_hr48_4xb4-80k_ade20k-512x512',
        'ocrnet_hr18s_4xb4-80k_ade20k-512x512',
    ],
    'mmdet': [
        'faster-rcnn_hrnetv2p-w18-1x_coco',
        'faster-rcnn_hrnetv2p-w32-1x_coco',
        'faster-rcnn_hrnetv2p-w40-1x_coco',
        'cascade-mask-rcnn_hrnetv2p-w18_20e_coco',
        'htc_hrnetv2p-w18_20e_coco',
        'fcos_hrnetv2p-w18-gn-head_4xb4-1x_coco',
    ],
    'mmpretrain': ['hrnet-w18_4xb32_in1k', 'hrnet-w64_4xb32_in1k'],
}


def fill(model: nn.Module) -> nn.Module:
    """Numbers that depend on nothing but the name of a tensor."""
    generator = torch.Generator()
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        generator.manual_seed(zlib.crc32(name.encode()))
        values = torch.rand(tensor.shape, generator=generator)
        if tensor.ndim > 1:
            bound = (3 / tensor[0].numel()) ** 0.5
            values = (2 * values - 1) * bound
        elif name.endswith(('running_var', 'weight', 'scale')):
            values = values + 0.5
        else:
            values = 0.4 * values - 0.2
        tensor.copy_(values)
    return model


def seg_batch(cfg: Config) -> dict:
    """Sizes that are odd at every stream."""
    from mmseg.structures import SegDataSample

    classes = cfg.model.decode_head[0] if cfg.model.type.startswith('Casc') else None
    classes = (classes or cfg.model.decode_head).num_classes
    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo=dict(img_shape=(97, 130)))
        sample.gt_sem_seg = PixelData(data=torch.randint(classes, (1, 97, 130)))
        samples.append(sample)
    return dict(inputs=torch.randn(2, 3, 97, 130), data_samples=samples)


def cls_batch(cfg: Config) -> dict:
    from mmpretrain.structures import DataSample

    samples = [DataSample().set_gt_label(label) for label in (3, 17)]
    return dict(inputs=torch.randn(2, 3, 64, 96), data_samples=samples)


def det_batch(cfg: Config) -> dict:
    from batches import detection_batch

    return MODELS.build(cfg.model.data_preprocessor)(detection_batch(), training=True)


def pose_batch(cfg: Config) -> dict:
    """As the training pipeline makes it of two of TinyPeople's images."""
    from mmengine.dataset import pseudo_collate

    if cfg.model.head.type == 'HeatmapHead' and cfg.model.head.out_channels != 17:
        return heatmap_batch(cfg)
    settings = cfg.train_dataloader.dataset
    settings.update(
        data_root=str(PEOPLE),
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/val/'),
    )
    if not settings.pipeline:  # of associative embedding, which is only tested
        return heatmap_batch(cfg)
    np.random.seed(0)
    dataset = DATASETS.build(settings)
    data = pseudo_collate([dataset[0], dataset[1]])
    data['inputs'] = torch.stack(data['inputs']).float() / 60 - 2
    return data


def heatmap_batch(cfg: Config) -> dict:
    from mmpose.testing import get_packed_inputs

    head, (width, height) = cfg.model.head, cfg.codec.input_size
    joints = head.get('num_keypoints') or head.out_channels
    data = get_packed_inputs(
        num_keypoints=joints,
        img_shape=(height, width),
        input_size=(width, height),
        heatmap_size=cfg.codec.heatmap_size,
        with_reg_label=False,
        with_simcc_label=False,
    )
    data['inputs'] = torch.stack(data['inputs']).float() / 60 - 2
    return data


BATCHES: dict[str, Callable[[Config], dict]] = {
    'mmseg': seg_batch,
    'mmpretrain': cls_batch,
    'mmdet': det_batch,
    'mmpose': pose_batch,
}


def tensors(value: object, name: str = 'output') -> dict[str, Tensor]:
    """All tensors of nested outputs."""
    if isinstance(value, Tensor):
        return {name: value.detach()}
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    else:
        return {}
    found = {}
    for key, part in parts:
        found |= tensors(part, f'{name}.{key}')
    return found


def shrink(part: object) -> None:
    """Make the images of bottom-up pose, 512 x 512, a quarter as wide and high."""
    if isinstance(part, dict):
        if tuple(part.get('input_size') or ()) == (512, 512):
            part['input_size'] = (128, 128)
            if 'heatmap_size' in part:
                part['heatmap_size'] = (32, 32)
        part = list(part.values())
    for value in part if isinstance(part, (list, tuple)) else ():
        shrink(value)


def run(path: Path, library: str) -> dict[str, Tensor]:
    """What a config's model computes, in eval mode and in a training step."""
    cfg = Config.fromfile(path)
    shrink(cfg._cfg_dict)
    init_default_scope(library)
    from mmengine.model import revert_sync_batchnorm

    model = fill(revert_sync_batchnorm(MODELS.build(cfg.model)))
    torch.manual_seed(0)
    data = BATCHES[library](cfg)
    found = dict(origin=origins(model)['HRNet'])
    for part in model.modules():
        part.training = False  # their train() returns nothing
    with torch.no_grad():
        found |= tensors(model.extract_feat(data['inputs']), 'features')
        if has_plain_forward(model):
            found |= tensors(model(data['inputs'], None, mode='tensor'))
    model.train()
    if hasattr(model, 'head') and type(model.head).__name__.startswith('Assoc'):
        return found
    torch.manual_seed(0)
    losses = model(**data, mode='loss')
    model.parse_losses(losses)[0].backward()
    gradient = sum(p.grad.square().sum() for p in model.backbone.parameters())
    return found | tensors(losses, 'losses') | {'gradient': gradient.sqrt()}


def has_plain_forward(model: nn.Module) -> bool:
    """Boxes and instances are drawn by some heads, which takes more than features."""
    return not (hasattr(model, 'rpn_head') or hasattr(model, 'bbox_head'))


def different(stock: dict, ours: dict) -> list[str]:
    """What differs; the names must be the same."""
    if (stock.pop('origin'), ours.pop('origin')) == ('hrnet_mm', 'hrnet_mm'):
        return ['both are of the drop-in']
    names = [name for name in stock if not equal(stock[name], ours[name])]
    return names + sorted(set(stock) ^ set(ours)) + ['nothing'] * (not stock)


def equal(wanted: Tensor, got: Tensor) -> bool:
    wanted, got = wanted.double(), got.double()
    scale = TOLERANCE * max(wanted.abs().max().item(), 1e-6)
    return bool(wanted.isfinite().all() and (got - wanted).abs().max() <= scale)


def main(library: str) -> dict[str, list[str]]:
    wanted = REPRESENTATIVES[library]
    paths = {p.stem: p for p in hrnet_configs(library) if p.stem in wanted}
    assert sorted(paths) == sorted(wanted)
    stock = {name: run(path, library) for name, path in paths.items()}
    found = {}
    for name, path in paths.items():
        changed = Path(tempfile.mkdtemp()) / path.name
        changed.write_text(f"_base_ = ['{path}']\n{LINE}")
        found[name] = different(stock[name], run(changed, library))
    return found


if __name__ == '__main__':
    logging.disable(logging.WARNING)
    warnings.simplefilter('ignore')
    PEOPLE = Path(sys.argv[2])
    print(json.dumps(main(sys.argv[1])))
