"""What must be known of a model to use it, without the config."""

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
    """As ``model.json`` holds them.

    Args:
        cfg: Of the model.
        checkpoint: Its weights; they are asked for the names of the data if the config
            has none that fit.

    Raises:
        ValueError: if the models of the library cannot be exported, or decode in a way
            that ``run.py`` does not know, or nothing names the outputs of the model.
    """
    scope = cfg.get('default_scope')
    if scope not in TASKS:
        raise ValueError(
            f'default_scope={scope!r}: models of {", ".join(TASKS)} can be exported. '
            'Detectors choose boxes on the way: hrnet_mm.deploy makes them fast'
        )
    facts: dict[str, Any] = dict(task=TASKS[scope], size=list(image_size(cfg)))
    facts |= reading(cfg)
    dataset = unwrapped(cfg.test_dataloader.dataset)
    if scope == 'mmpose':
        facts |= decoding(cfg)
    meta = read_metainfo(cfg, count_outputs(cfg), checkpoint)
    facts['names'] = names_of(meta)
    if scope == 'mmpose':
        facts['links'] = [[int(i) for i in link] for link in meta['skeleton_links']]
    elif scope == 'mmseg':
        facts['palette'] = complete_palette(meta.get('palette'), len(facts['names']))
    else:
        edges = [step.scale for step in dataset.pipeline if step.type == 'ResizeEdge']
        facts['edge'] = edges[0] if edges else None
    return facts


def count_outputs(cfg: Config) -> int:
    """How many keypoints or classes a model tells apart."""
    if cfg.default_scope == 'mmpose':
        return cfg.model.head.out_channels
    if cfg.default_scope == 'mmpretrain':
        return cfg.model.head.num_classes
    heads = cfg.model.decode_head
    *_, last = heads if isinstance(heads, list) else [heads]
    return last.num_classes


def reading(cfg: Config) -> dict[str, Any]:
    """How the pixels of a file become the channels that a model takes."""
    loader = loader_of(unwrapped(cfg.test_dataloader.dataset).pipeline)
    given = cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    swaps = ('bgr_to_rgb', 'rgb_to_bgr', 'to_rgb')
    return dict(
        channels=cfg.model.backbone.get('in_channels', 3),
        color_type=loader.get('color_type', 'color'),
        rgb=any(given.get(name) for name in swaps),
    )


def decoding(cfg: Config) -> dict[str, Any]:
    """How heatmaps become joints."""
    codec = cfg.model.head.decoder
    if codec.type == 'MSRAHeatmap':
        udp, refine = False, 'dark' if codec.get('unbiased') else 'quarter'
    elif codec.type == 'UDPHeatmap' and codec.get('heatmap_type') != 'combined':
        udp, refine = True, 'udp'
    else:
        raise ValueError(
            f'codec {dict(codec)}: run.py knows MSRAHeatmap and UDPHeatmap, with '
            'Gaussian heatmaps'
        )
    padding = [*find_values(cfg.test_dataloader.dataset, 'padding')]
    return dict(
        padding=padding[0] if padding else 1.25,
        udp=udp,
        refine=refine,
        blur=codec.get('blur_kernel_size', 11),
    )
