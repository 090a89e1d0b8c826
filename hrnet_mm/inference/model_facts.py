"""Facts about a model that its users need without the config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrnet_mm.datasets.metainfo import (
    complete_palette,
    names_of,
    read_metainfo,
    unwrapped,
)
from hrnet_mm.images import loader_of
from hrnet_mm.libraries import LIBRARIES
from hrnet_mm.profiling.models import find_values, image_size

TASKS = {
    scope: library.task
    for scope, library in LIBRARIES.items()
    if library.task != 'detection'
}


def read_facts(cfg: Config, checkpoint: Path | None = None) -> dict[str, Any]:
    """Return the content of ``model.json``, for ``run.py``.

    Args:
        cfg: The config of the model.
        checkpoint: The weights. Their metadata names the outputs if the dataset of the
            config does not.

    Raises:
        ValueError: if models of the library cannot be exported, ``run.py`` does not
            support the codec, or neither config nor weights name the outputs.
    """
    scope = cfg.get('default_scope')
    if scope not in TASKS:
        raise ValueError(
            f'default_scope={scope!r}: only models of {", ".join(TASKS)} can be '
            'exported. Detectors select boxes within the model: hrnet_mm.deploy makes '
            'them fast'
        )
    facts: dict[str, Any] = dict(task=TASKS[scope], size=list(image_size(cfg)))
    facts |= _read_input_facts(cfg)
    dataset = unwrapped(cfg.test_dataloader.dataset)
    if scope == 'mmpose':
        facts |= _read_decoder_facts(cfg)
    meta = read_metainfo(cfg, _count_outputs(cfg), checkpoint)
    facts['names'] = names_of(meta)
    if scope == 'mmpose':
        facts['links'] = [[int(i) for i in link] for link in meta['skeleton_links']]
    elif scope == 'mmseg':
        facts['palette'] = complete_palette(meta.get('palette'), len(facts['names']))
    else:
        edges = [step.scale for step in dataset.pipeline if step.type == 'ResizeEdge']
        facts['edge'] = edges[0] if edges else None
    return facts


def _count_outputs(cfg: Config) -> int:
    # keypoints or classes
    if cfg.default_scope == 'mmpose':
        return cfg.model.head.out_channels
    if cfg.default_scope == 'mmpretrain':
        return cfg.model.head.num_classes
    heads = cfg.model.decode_head
    *_, last = heads if isinstance(heads, list) else [heads]
    if 'num_classes' not in last:
        raise ValueError(
            f'decode_head {last.type} has no classes: only segmentors can be exported. '
            'hrnet_mm.deploy makes a depth estimator fast'
        )
    return last.num_classes


def _read_input_facts(cfg: Config) -> dict[str, Any]:
    # how pixels of a file become channels of the input
    loader = loader_of(unwrapped(cfg.test_dataloader.dataset).pipeline)
    given = cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    swaps = ('bgr_to_rgb', 'rgb_to_bgr', 'to_rgb')
    return dict(
        channels=cfg.model.backbone.get('in_channels', 3),
        color_type=loader.get('color_type', 'color'),
        rgb=any(given.get(name) for name in swaps),
    )


def _read_decoder_facts(cfg: Config) -> dict[str, Any]:
    # how heatmaps become keypoints
    codec = cfg.model.head.decoder
    if codec.type == 'MSRAHeatmap':
        udp, refine = False, 'dark' if codec.get('unbiased') else 'quarter'
    elif codec.type == 'UDPHeatmap' and codec.get('heatmap_type') != 'combined':
        udp, refine = True, 'udp'
    else:
        raise ValueError(
            f'codec {dict(codec)}: run.py knows MSRAHeatmap and UDPHeatmap with '
            'Gaussian heatmaps only'
        )
    padding = [*find_values(cfg.test_dataloader.dataset, 'padding')]
    return dict(
        padding=padding[0] if padding else 1.25,
        udp=udp,
        refine=refine,
        blur=codec.get('blur_kernel_size', 11),
    )
