"""Stock models of the libraries, small enough for a test, and on our trunk."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

# Random weights that learn, few proposals, and boxes of any score.
CHANGES = dict(
    frozen_stages=-1, norm_eval=False, pretrained=None, nms_pre=100, score_thr=0.0
)
STREAMS = [16, 32, 64, 128]  # of w18_small_v1


def each_dict(part: object) -> Iterator[dict]:
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, (list, tuple)):
        for item in part:
            yield from each_dict(item)


def in_float32(model: dict) -> None:
    """Let all parts train in float32, whatever this machine multiplies."""
    for part in each_dict(model):
        if 'precision' in part:
            part['precision'] = 'float32'


def model_config(library: str, path: str) -> dict:
    """Return the model of a config, without weights and synchronised norms."""
    root = Path(import_module(library).__file__).parent
    config = Config.fromfile(root / '.mim/configs' / path).model
    for part in each_dict(config):
        part.update({key: CHANGES[key] for key in CHANGES.keys() & part.keys()})
        if (part.get('init_cfg') or {}).get('type') == 'Pretrained':
            del part['init_cfg']
        if part.get('type') == 'SyncBN':
            part['type'] = 'BN'
        if 'max_per_img' in part:
            part['max_per_img'] = min(part['max_per_img'], 50)
        if part.get('type') == 'ScoreHLRSampler':
            part['score_thr'] = 0.0
    config.data_preprocessor.pop('batch_augments', None)
    return config


def shrink(config: dict) -> None:
    """Take ResNet-18: its blocks have a quarter of the channels, but no DCN."""
    backbone = config['backbone']
    if backbone['type'] not in ('ResNet', 'ResNetV1c') or 'dcn' in backbone:
        return
    backbone['depth'] = 18
    for part in each_dict(config):
        channels = part.get('in_channels')
        if channels and np.max(channels) > 512:
            part['in_channels'] = (np.array(channels) // 4).tolist()


def on_our_trunk(config: dict) -> None:
    """Put HRNet, and in a detector HRNetV2p, in the place of backbone and neck."""
    config['backbone'] = dict(
        type='hrnet_mm.HRNet', arch='w18_small_v1', upsample_cfg=dict(mode='nearest')
    )
    if config['data_preprocessor']['type'].startswith('Seg'):
        config.pop('neck', None)
        for name in ('decode_head', 'auxiliary_head'):
            heads = config.get(name) or []
            for head in heads if isinstance(heads, list) else [heads]:
                choose_streams(head)
        return
    if 'neck' not in config:  # MaskFormer reads the streams
        config['panoptic_head']['in_channels'] = STREAMS
        return
    necks = config['neck'] if isinstance(config['neck'], list) else [config['neck']]
    start = necks[0].get('start_level', 0)
    necks[0] = dict(
        type='hrnet_mm.HRNetV2p',
        in_channels=STREAMS,
        out_channels=necks[0].get('out_channels', 256),
        num_outs=necks[0].get('num_outs', 5),
        stride=2 if start else 1,
    )
    config['neck'] = necks


def choose_streams(head: dict) -> None:
    """Let a head of mmseg read the channels of the four streams."""
    index = head.get('in_index', -1)
    several = isinstance(index, (list, tuple))
    head['in_channels'] = [STREAMS[i] for i in index] if several else STREAMS[index]


def build(library: str, config: dict) -> nn.Module:
    init_default_scope(library)
    model = import_module(f'{library}.registry').MODELS.build(config)
    model.init_weights()
    for name, module in model.named_modules():
        if name.endswith(('conv_offset', 'offset_fc.4')):  # zeros would deform nothing
            nn.init.normal_(module.weight, std=0.02)
    return model
