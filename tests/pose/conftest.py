"""Fixtures that point pose configs to real images."""

from __future__ import annotations

import pytest


@pytest.fixture
def coco_lines(real_coco):
    """Point a COCO config at the real images, with its true boxes, from scratch."""
    tiny = 'annotations/person_keypoints_tiny.json'
    return f"""
model = dict(backbone=dict(init_cfg=dict(
    _delete_=True, type='Normal', std=0.001, layer='Conv2d')))
data = dict(
    data_root='{real_coco}', ann_file='{tiny}', data_prefix=dict(img='val2017/'))
train_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False, dataset=data)
val_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False,
    dataset=dict(data, bbox_file=None))
test_dataloader = val_dataloader
val_evaluator = dict(type='CocoMetric', ann_file='{real_coco}/{tiny}')
test_evaluator = val_evaluator
auto_scale_lr = dict(base_batch_size=4)
default_hooks = dict(logger=dict(interval=1))
"""
