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
from hrnet_mm.libraries import library_of
from hrnet_mm.profiling.models import find_values, image_size


def read_facts(cfg: Config, checkpoint: Path | None = None) -> dict[str, Any]:
    """Return the content of ``model.json``, for ``run.py``.

    Args:
        cfg: The config of the model.
        checkpoint: The weights. Their metadata names the outputs if the dataset of the
            config does not.

    Raises:
        ValueError: if ``run.py`` does not support the codec or a step of the test
            pipeline, or neither config nor weights name the outputs.
    """
    scope = cfg.get('default_scope')
    if cfg.model.type.rpartition('.')[2].startswith('Panoptic'):
        raise ValueError(
            f'{cfg.model.type}: panoptic models cannot be exported. hrnet_mm.deploy '
            'makes them fast'
        )
    task = library_of(scope).task
    facts: dict[str, Any] = dict(task=task, size=list(image_size(cfg)))
    facts |= _read_input_facts(cfg)
    dataset = unwrapped(cfg.test_dataloader.dataset)
    if cfg.get('data_mode') == 'bottomup':
        facts |= _read_grouping_facts(cfg)
    elif task == 'pose':
        facts |= _read_decoder_facts(cfg)
    elif task == 'detection':
        facts |= _read_object_facts(cfg)
    if cfg.model.type.endswith('DepthEstimator'):
        return facts | _read_depth_facts(cfg)
    meta = read_metainfo(cfg, _count_outputs(cfg), checkpoint)
    facts['names'] = names_of(meta)
    if scope == 'mmpose':
        facts['links'] = [[int(i) for i in link] for link in meta['skeleton_links']]
    elif scope in ('mmseg', 'mmdet'):
        facts['palette'] = complete_palette(meta.get('palette'), len(facts['names']))
    else:
        edges = [step.scale for step in dataset.pipeline if step.type == 'ResizeEdge']
        facts['edge'] = edges[0] if edges else None
    return facts


def _count_outputs(cfg: Config) -> int:
    # keypoints or classes
    if cfg.default_scope == 'mmpose':
        head = cfg.model.head
        return head.get('num_keypoints') or head.out_channels
    if cfg.default_scope == 'mmdet':
        return next(
            iter(find_values(cfg.model.get('roi_head', cfg.model), 'num_classes'))
        )
    if cfg.default_scope == 'mmpretrain':
        return cfg.model.head.num_classes
    heads = cfg.model.decode_head
    *_, last = heads if isinstance(heads, list) else [heads]
    if 'num_classes' not in last:
        raise ValueError(
            f'decode_head {last.type} has no classes: only segmentors and depth '
            'estimators can be exported'
        )
    return last.num_classes


def _read_depth_facts(cfg: Config) -> dict[str, Any]:
    head = cfg.model.decode_head
    if 'max_depth' not in head:
        raise ValueError(
            f'decode_head {head.type} has no max_depth: of depth estimators, those '
            'with hrnet_mm.DepthHead can be exported'
        )
    return dict(task='depth', max_depth=head.max_depth)


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


def _read_object_facts(cfg: Config) -> dict[str, Any]:
    # how an image is resized and padded, and where masks end
    pipeline = unwrapped(cfg.test_dataloader.dataset).pipeline
    (resize,) = [step for step in pipeline if step.type == 'Resize'] or [{}]
    factor, scale = resize.get('scale_factor', 1), resize.get('scale')
    if factor != 1:
        raise ValueError(
            f'the test pipeline has scale_factor={factor}: run.py needs scale, or 1'
        )
    multiple = cfg.model.data_preprocessor.get('pad_size_divisor', 1)
    facts = dict(
        scale=scale,
        keep_ratio=resize.get('keep_ratio', False),
        multiple=multiple,
        mask_threshold=next(iter(find_values(cfg.model, 'mask_thr_binary')), None),
    )
    if scale:
        facts['size'] = [-(-side // multiple) * multiple for side in scale[::-1]]
    return facts


def _read_grouping_facts(cfg: Config) -> dict[str, Any]:
    # how keypoints are grouped to people
    codec = cfg.model.head.get('decoder', {})
    if codec.get('type') != 'hrnet_mm.AssociativeEmbedding':
        raise ValueError(
            f'codec {dict(codec)}: run.py groups by hrnet_mm.AssociativeEmbedding only'
        )
    pipeline = unwrapped(cfg.test_dataloader.dataset).pipeline
    (resize,) = [step for step in pipeline if step.type == 'BottomupResize']
    if resize.get('use_udp'):
        raise ValueError('BottomupResize has use_udp=True, which run.py does not know')
    from hrnet_mm.pose.codecs import AssociativeEmbedding

    given = AssociativeEmbedding(**{k: v for k, v in codec.items() if k != 'type'})
    return dict(
        task='bottom-up pose',
        input_size=resize.input_size,
        multiple=resize.get('size_factor', 32),
        resize_mode=resize.get('resize_mode', 'fit'),
        grouping={
            name: getattr(given, name)
            for name in (
                'keypoint_order',
                'max_people',
                'topk',
                'threshold',
                'tag_threshold',
                'nms_kernel',
                'adjust',
                'refine',
            )
        },
    )
