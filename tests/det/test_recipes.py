"""Detection configs equal those of MMDetection."""

from __future__ import annotations

import copy
import functools
import re
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from hrnet_mm.checkpoints import hub

mmdet = pytest.importorskip('mmdet')

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
STOCK = Path(mmdet.__file__).parent / '.mim/configs/hrnet'
ALL = sorted(p.name for p in (CONFIGS / 'det').glob('*_coco-*.py'))
PANOPTIC = [name for name in ALL if name.startswith('panoptic-')]
LEAVES = [name for name in ALL if name not in PANOPTIC]
OFFICIAL = [name for name in LEAVES if 'syncbn' in name]
# MMDetection has no W48; the rest of that recipe is the one of W40
SAME = [n for n in LEAVES if n not in OFFICIAL and 'scratch' not in n]

DETECTORS = [
    'faster-rcnn', 'mask-rcnn', 'cascade-rcnn', 'cascade-mask-rcnn', 'htc', 'fcos',
]  # fmt: skip


read = functools.cache(Config.fromfile)


def config(name: str) -> Config:
    return copy.deepcopy(read(str(CONFIGS / 'det' / name)))


def stock(name: str) -> Config:
    """The config of MMDetection that a leaf of ours stands for."""
    detector, width, schedule, recipe = re.fullmatch(
        r'(.+)_hrnetv2p_w(\d+)_coco-(\w+?)(_scales)?\.py', name
    ).groups()
    pattern = f'{detector}_hrnetv2p-w{min(int(width), 40)}'
    if detector == 'fcos':
        sizes = 'ms-640-800-' if recipe else ''
        pattern += f'-gn-head_{sizes}4xb4'
    (file,) = STOCK.glob(f'{pattern}[-_]{schedule}_coco.py')
    return copy.deepcopy(read(str(file)))


@pytest.mark.parametrize('detector', DETECTORS)
def test_every_published_width_is_there(detector):
    widths = {
        int(re.search(r'_w(\d+)_', n)[1])
        for n in LEAVES
        if n.startswith(f'{detector}_')
    }
    assert widths == {18, 32, 40, 48}


# ours with the results of MMDetection's
OURS = {
    'hrnet_mm.LoadObjects': 'LoadAnnotations',
    'hrnet_mm.PackDetInputs': 'PackDetInputs',
    'hrnet_mm.SingleRoIExtractor': 'SingleRoIExtractor',
}


def plain(cfg: Any, *without: str) -> Any:
    """Without what means nothing or is the default of MMDetection."""
    if isinstance(cfg, list | tuple):
        return [plain(c, *without) for c in cfg]
    if not isinstance(cfg, dict):
        return cfg
    meaningless = {'backend_args', 'match_low_quality', *without}
    kept = {k: plain(v) for k, v in cfg.items() if k not in meaningless}
    if cfg.get('type') == 'DetDataPreprocessor':
        kept['pad_mask'] = cfg.get('pad_mask', False)
    if cfg.get('type') in OURS:
        kept['type'] = OURS[cfg['type']]
    if cfg.get('type') == 'MaxIoUAssigner':
        kept['match_low_quality'] = cfg.get('match_low_quality', True)
    return kept


@pytest.mark.parametrize('name', SAME)
def test_the_model_is_mmdet_s(name):
    ours, theirs = config(name).model, stock(name).model
    assert plain(ours, 'backbone', 'neck') == plain(theirs, 'backbone', 'neck')
    assert ours.backbone.norm_eval  # the default of MMDetection's HRNet
    widths = ours.neck.in_channels
    if '_w48_' not in name:
        assert widths == theirs.neck.in_channels
        names = [model.backbone.init_cfg.checkpoint for model in (ours, theirs)]
        first, same = (hub.list_mirrors(name)[0] for name in names)
        assert first == same
    assert ours.neck.get('stride', 1) == theirs.neck.get('stride', 1)
    assert theirs.neck.out_channels == 256  # ours by default
    assert ours.backbone.arch == f'w{widths[0]}'


@pytest.mark.parametrize('name', SAME)
def test_schedule_and_data_are_mmdet_s(name):
    ours, theirs = config(name), stock(name)
    assert ours.optim_wrapper == theirs.optim_wrapper
    assert ours.train_cfg.max_epochs == theirs.train_cfg.max_epochs
    assert plain(ours.param_scheduler) == plain(theirs.param_scheduler)
    assert ours.auto_scale_lr.base_batch_size == theirs.auto_scale_lr.base_batch_size
    for split in ('train', 'val', 'test'):
        mine, stocks = (c[f'{split}_dataloader'] for c in (ours, theirs))
        assert plain(mine.dataset.pipeline) == plain(stocks.dataset.pipeline)
        for key in ('ann_file', 'data_prefix', 'filter_cfg', 'test_mode'):
            assert mine.dataset.get(key) == stocks.dataset.get(key), key
        if '_w48_' not in name:
            assert mine.batch_size == stocks.batch_size


def panoptic(cfg: Any) -> Any:
    """The settings of a stock config under the names of ours."""
    names = {
        'LoadPanopticAnnotations': 'hrnet_mm.LoadPanopticObjects',
        'PackDetInputs': 'hrnet_mm.PackDetInputs',
    }
    steps = []
    for step in cfg:
        kept = {k: v for k, v in step.items() if not k.startswith(('with_', 'backend'))}
        steps.append(dict(kept, type=names.get(step['type'], step['type'])))
    return steps


@pytest.mark.parametrize('name', [n for n in PANOPTIC if '-fpn_' in n])
def test_panoptic_fpn_is_mmdet_s(name):
    ours = config(name)
    schedule = re.search(r'coco-(\dx)', name)[1]
    folder = STOCK.parent / 'panoptic_fpn'
    (file,) = folder.glob(f'panoptic-fpn_r50_fpn_*{schedule}_coco.py')
    theirs = Config.fromfile(str(file))
    parts = [plain(c.model, 'backbone', 'neck') for c in (ours, theirs)]
    for part in parts:
        part['data_preprocessor'].pop('mask_pad_value', None)  # 0 by default
        part['semantic_head'].pop('conv_cfg', None)
        part['semantic_head']['norm_cfg'].pop('requires_grad', None)
    assert parts[0] == parts[1]
    assert ours.optim_wrapper == theirs.optim_wrapper
    assert ours.train_cfg.max_epochs == theirs.train_cfg.max_epochs
    assert ours.train_cfg.val_interval == theirs.train_cfg.val_interval
    warm_up, steps = map(dict, theirs.param_scheduler)
    assert plain(ours.param_scheduler) == plain([warm_up, steps])
    mine, stocks = (c.train_dataloader for c in (ours, theirs))
    assert mine.batch_size == stocks.batch_size
    assert panoptic(mine.dataset.pipeline) == panoptic(stocks.dataset.pipeline)
    for split in ('train', 'val', 'test'):
        mine, stocks = (c[f'{split}_dataloader'].dataset for c in (ours, theirs))
        for key in ('ann_file', 'data_prefix', 'filter_cfg', 'test_mode'):
            assert mine.get(key) == stocks.get(key), key


@pytest.mark.parametrize('name', LEAVES)
def test_boxes_and_masks_are_scored(name):
    cfg = config(name)
    masks = 'mask' in name or name.startswith('htc')
    metric = cfg.val_evaluator.metric
    assert metric == (['bbox', 'segm'] if masks else 'bbox')
    best = cfg.default_hooks.checkpoint.save_best
    assert best == ('coco/segm_mAP' if masks else 'coco/bbox_mAP')
    assert cfg.test_evaluator == cfg.val_evaluator


@pytest.mark.parametrize('name', LEAVES)
def test_configs_are_ready_for_many_gpus(name):
    cfg = config(name)
    assert cfg.auto_scale_lr.base_batch_size == 16
    assert cfg.randomness.seed is not None
    assert cfg.default_hooks.visualization.draw
    assert cfg.env_cfg.cudnn_benchmark is False  # images of many sizes


@pytest.mark.parametrize('name', OFFICIAL)
def test_synchronised_norms_are_trained(name):
    """Frozen, as MMDetection's HRNet has them by default, they would do nothing."""
    cfg = config(name)
    assert cfg.model.backbone.norm_cfg.type == 'SyncBN'
    assert cfg.model.backbone.norm_eval is False
    assert cfg.optim_wrapper.clip_grad.max_norm == 35
    steps = {'1x': [8, 11], '2x': [20, 23]}[re.search(r'coco-(\dx)', name)[1]]
    assert cfg.param_scheduler[1].milestones == steps
    assert cfg.param_scheduler[0].start_factor == 1 / 3
    pipeline = {t.type: t for t in cfg.train_dataloader.dataset.pipeline}
    if 'scales' in name:
        scales = [(1600, 1000), (1000, 600), (1333, 800)]
        assert pipeline['RandomChoiceResize'].scales == scales
    elif 'crops' in name:
        assert pipeline['RandomCrop'].crop_size == (1200, 800)


def test_the_scratch_recipe_is_mmdet_s_with_batch_norms():
    cfg = config('mask-rcnn_hrnetv2p_w18_coco-6x_scratch.py')
    file = STOCK.parent / 'scratch/mask-rcnn_r50-scratch_fpn_gn-all_6x_coco.py'
    theirs = Config.fromfile(str(file))
    assert cfg.optim_wrapper == theirs.optim_wrapper
    assert plain(cfg.param_scheduler) == plain(theirs.param_scheduler)
    assert cfg.model.backbone.norm_eval is False
    assert 'init_cfg' not in cfg.model.backbone
    heads = cfg.model.roi_head
    parts = [cfg.model.backbone, cfg.model.neck, heads.bbox_head, heads.mask_head]
    assert [part.norm_cfg.type for part in parts] == ['SyncBN'] * 4
