"""What must be known of a model to use it, without the config."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config
from mmengine.registry import DATASETS

from hrnet_mm.profiling.models import find, image_size

TASKS = {'mmpose': 'pose', 'mmseg': 'segmentation', 'mmpretrain': 'classification'}


def read_facts(cfg: Config) -> dict[str, Any]:
    """As ``model.json`` holds them.

    Raises:
        ValueError: if the models of the library cannot be exported, or decode in a way
            that ``run.py`` does not know.
    """
    scope = cfg.get('default_scope')
    if scope not in TASKS:
        raise ValueError(
            f'default_scope={scope!r}: models of {", ".join(TASKS)} can be exported. '
            'Detectors choose boxes on the way: hrnet_mm.deploy makes them fast'
        )
    facts: dict[str, Any] = dict(task=TASKS[scope], size=list(image_size(cfg)))
    dataset = cfg.test_dataloader.dataset
    meta = dict(DATASETS.get(dataset.type).METAINFO, **dataset.get('metainfo', {}))
    if scope == 'mmpose':
        return facts | joints(meta) | decoding(cfg)
    facts['names'] = [str(name) for name in meta['classes']]
    if scope == 'mmseg':
        facts['palette'] = [[int(x) for x in color] for color in meta['palette']]
    else:
        pipeline = cfg.test_dataloader.dataset.pipeline
        edges = [step.scale for step in pipeline if step.type == 'ResizeEdge']
        facts['edge'] = edges[0] if edges else None
    return facts


def joints(meta: dict[str, Any]) -> dict[str, Any]:
    """Their names, and which ones a line connects."""
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    parsed = parse_pose_metainfo(meta)
    names = [parsed['keypoint_id2name'][i] for i in range(parsed['num_keypoints'])]
    links = [[int(i) for i in link] for link in parsed['skeleton_links']]
    return dict(names=names, links=links)


def decoding(cfg: Config) -> dict[str, Any]:
    """How heat maps become joints."""
    codec = cfg.codec
    if codec.type == 'MSRAHeatmap':
        udp, refine = False, 'dark' if codec.get('unbiased') else 'quarter'
    elif codec.type == 'UDPHeatmap' and codec.get('heatmap_type') != 'combined':
        udp, refine = True, 'udp'
    else:
        raise ValueError(
            f'codec {dict(codec)}: run.py knows MSRAHeatmap and UDPHeatmap, with '
            'Gaussian heat maps'
        )
    padding = [*find(cfg.test_dataloader.dataset.pipeline, 'padding')]
    return dict(
        padding=padding[0] if padding else 1.25,
        udp=udp,
        refine=refine,
        blur=codec.get('blur_kernel_size', 11),
    )
