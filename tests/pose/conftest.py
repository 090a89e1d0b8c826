"""Fixtures that point pose configs to real images."""

from __future__ import annotations

import pytest


@pytest.fixture
def real_lines():
    """Point a config at real images, all in one batch, from scratch."""

    def write(root: object, ann_file: str, images: str = '') -> str:
        return f"""
model = dict(backbone=dict(init_cfg=dict(
    _delete_=True, type='Normal', std=0.001, layer='Conv2d')))
data = dict(
    data_root='{root}', ann_file='{ann_file}', data_prefix=dict(img='{images}'))
train_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False, dataset=data)
val_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(data))
test_dataloader = val_dataloader
auto_scale_lr = dict(base_batch_size=4)
default_hooks = dict(logger=dict(interval=1))
"""

    return write


@pytest.fixture
def coco_lines(real_coco, real_lines):
    """Point a COCO config at the real images, with its true boxes, from scratch."""
    tiny = 'annotations/person_keypoints_tiny.json'
    return f"""{real_lines(real_coco, tiny, 'val2017/')}
val_dataloader['dataset']['bbox_file'] = None
val_evaluator = dict(type='CocoMetric', ann_file='{real_coco}/{tiny}')
test_evaluator = val_evaluator
"""
