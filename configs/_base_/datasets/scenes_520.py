"""Pipelines for photographs: a long side of 520 times 0.5 to 2.1, in testing 520.

As in HRNet-Semantic-Segmentation for ADE20K, COCO-Stuff and PASCAL-Context
(lib/datasets/base_dataset.py, multi_scale_aug).
"""

_base_ = ['label_maps.py']

resize = dict(
    type='RandomResize', scale=(520, 520), ratio_range=(0.5, 2.1), keep_ratio=True
)
whole = dict(type='Resize', scale=(520, 520), keep_ratio=True)
ratios = [*_base_.ratios, 2.0]
sizes = [dict(whole, scale=(int(520 * r), int(520 * r))) for r in ratios]
test_pipeline = [_base_.read, whole, *_base_.labels, _base_.pack]
tta_pipeline = [
    _base_.read,
    dict(type='TestTimeAug', transforms=[sizes, _base_.mirrored, *_base_.look]),
]

val_dataloader = dict(dataset=dict(test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
