"""Each kind of recipe trains and tests by its own config on real samples."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip('mmpose')

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATASETS
from pose_samples import ANIMALS_AND_HANDS, BODIES, WHOLE

ROOT = Path(__file__).resolve().parents[2]
STEPS = 20
PLACES = {leaf: where for leaf, (where, _) in BODIES.items()}
PLACES |= {
    leaf: dict(
        data_root=folder,
        ann_file=f'{annotations}.json',
        data_prefix=dict(img='val2017/' if folder == 'coco' else ''),
    )
    for leaf, folder, annotations, _, _ in ANIMALS_AND_HANDS
}
PLACES |= {
    'higher-hrnet_w32_coco-wholebody-512x512': WHOLE,
    'hrnet-ae_w48_coco-wholebody-512x512': WHOLE,
}


def small_job(leaf: str, where: dict, work_dir: Path) -> Config:
    """The config of a leaf with a small trunk, on a few images, for 20 steps."""
    cfg = Config.fromfile(ROOT / f'configs/pose/{leaf}.py')
    all_streams = cfg.model.backbone.multiscale_output
    cfg.model.backbone.update(arch='w18_small_v1', init_cfg=None)
    cfg.model.head.in_channels = 240 if all_streams else 16
    if cfg.model.head.get('deconv_channels'):
        cfg.model.head.deconv_channels = (16,)
    for name in ('train', 'val', 'test'):
        loader = cfg[f'{name}_dataloader']
        loader.update(num_workers=0, persistent_workers=False, batch_size=2)
        loader.dataset.update(where)
        if name != 'train':
            loader.dataset.update(bbox_file=None, filter_cfg=None)
    cfg.val_dataloader.batch_size = cfg.test_dataloader.batch_size = 1
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        if 'ann_file' in evaluator:
            evaluator.ann_file = f'{where["data_root"]}/{where["ann_file"]}'
    cfg.default_hooks.logger.interval = 1
    cfg.load_from = None
    cfg.work_dir = str(work_dir)
    return cfg


@pytest.mark.sweep
@pytest.mark.parametrize('leaf', PLACES)
def test_20_steps_and_a_test(leaf, real_data, tmp_path):
    where = dict(PLACES[leaf])
    where['data_root'] = str(real_data / where['data_root'])
    cfg = small_job(leaf, where, tmp_path)
    init_default_scope(cfg.default_scope)
    samples = len(DATASETS.build(cfg.train_dataloader.dataset))
    epochs = math.ceil(STEPS / (samples // 2))  # EpochLoop drops what is left
    cfg.train_cfg.update(max_epochs=epochs, val_interval=epochs)
    cfg.experiment_name = f'{leaf}-20'
    runner = Runner.from_cfg(cfg)
    runner.model.init_weights()
    before = copy.deepcopy(runner.model.state_dict())
    runner.train()
    losses, _ = runner.message_hub.get_scalar('train/loss').data
    assert len(losses) >= STEPS
    assert np.isfinite(losses).all()
    for name, parameter in runner.model.named_parameters():
        assert not torch.equal(parameter, before[name]), name
    scores = runner.test()
    best = cfg.default_hooks.checkpoint.save_best
    assert math.isfinite(scores[best])
    assert scores[best] >= 0
