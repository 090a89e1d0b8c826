"""The stock runner trains, resumes and tests Panoptic-DeepLab."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('mmdet')


from hrnet_mm.det import CityscapesPanoptic

ROOT = Path(__file__).resolve().parents[2]
TINY = 'det/panoptic-{}_w18_small_v1_tiny-panoptic.py'
# labelId of the 19 classes (cityscapesscripts, helpers/labels.py)
LABEL_IDS = dict(
    zip(
        [
            'road', 'sidewalk', 'building', 'wall', 'fence', 'pole', 'traffic light',
            'traffic sign', 'vegetation', 'terrain', 'sky', 'person', 'rider', 'car',
            'truck', 'bus', 'train', 'motorcycle', 'bicycle',
        ],
        [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33],
        strict=True,
    )
)  # fmt: skip


@pytest.fixture(scope='module')
def cityscapes_panoptic(real_cityscapes, tmp_path_factory) -> Path:
    """The real image with the files that csCreatePanopticImgs writes."""
    root = tmp_path_factory.mktemp('panoptic') / 'cityscapes'
    shutil.copytree(real_cityscapes, root)
    (path,) = root.rglob('*_gtFine_instanceIds.png')
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(int)
    name = path.name.removesuffix('_gtFine_instanceIds.png')
    segments = []
    known = {*LABEL_IDS.values()}
    for number in np.unique(ids).tolist():
        label = number // 1000 if number >= 1000 else number
        if label not in known:
            ids[ids == number] = 0
            continue
        mask = ids == number
        crowd = number < 1000 and label >= 24  # a group of things
        box = cv2.boundingRect(mask.astype(np.uint8))
        segments.append(
            dict(
                id=number,
                category_id=label,
                area=int(mask.sum()),
                bbox=list(box),
                iscrowd=int(crowd),
            )
        )
    truth = dict(
        image_id=name, file_name=f'{name}_gtFine_panoptic.png', segments_info=segments
    )
    folder = root / 'gtFine/cityscapes_panoptic_val'
    folder.mkdir()
    colours = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1)
    cv2.imwrite(str(folder / truth['file_name']), colours.astype(np.uint8))
    height, width = ids.shape
    image = dict(id=name, file_name=f'{name}_gtFine_leftImg8bit.png')
    things = CityscapesPanoptic.things
    content = dict(
        images=[dict(image, height=height, width=width)],
        annotations=[truth],
        categories=[
            dict(id=it, name=label, isthing=int(label in things))
            for label, it in LABEL_IDS.items()
        ],
    )
    folder.with_suffix('.json').write_text(json.dumps(content))
    return root


CITY = """
small = dict(in_channels=[16, 32, 64, 128], pool_size=None, dropout=0.0)
model = dict(
    backbone=dict(arch='w18_small_v1', init_cfg=dict(
        _delete_=True, type='Kaiming', layer='Conv2d')),
    semantic_head=small, instance_head=small, test_cfg=dict(stuff_area=32, kernel=3))
data = dict(
    ann_file='gtFine/cityscapes_panoptic_val.json',
    data_prefix=dict(img='leftImg8bit/val/', seg='gtFine/cityscapes_panoptic_val/'))
steps = [
    _base_.read, dict(type='hrnet_mm.LoadSegments'),
    dict(type='Resize', scale_factor={scale}),
    dict(type='hrnet_mm.PackPanopticTargets', sigma={sigma}, small_area=64)]
loaded = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    loaded, batch_size=1, drop_last=False, dataset=dict(data, pipeline=steps))
test_pipeline = [
    dict(step, scale_factor={scale}) if step['type'] == 'Resize' else step
    for step in _base_.test_pipeline]
val_dataloader = test_dataloader = dict(loaded, dataset=dict(pipeline=test_pipeline))
optim_wrapper = dict(optimizer=dict(lr={rate}), clip_grad=dict(max_norm=10))
train_cfg = dict(max_epochs={epochs}, val_interval={epochs})
warm_up = dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20)
poly = dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=True, end={epochs})
param_scheduler = [warm_up, poly]
auto_scale_lr = dict(base_batch_size=1)
default_hooks = dict(checkpoint=dict(interval={interval}), logger=dict(interval=1))
"""
