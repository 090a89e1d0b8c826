"""Label maps of photographs: the long side is 520 times 0.5 to 2.1; in testing, the short.

As HRNet-Semantic-Segmentation feeds ADE20K, COCO-Stuff and PASCAL-Context.
"""

_base_ = ['label_maps.py']

resize = dict(
    type='RandomResize', scale=(520, 520), ratio_range=(0.5, 2.1), keep_ratio=True
)
sizes = [
    dict(type='Resize', scale=(int(4096 * r), int(520 * r)), keep_ratio=True)
    for r in _base_.ratios
]
test_pipeline = [
    _base_.read[0],
    sizes[_base_.ratios.index(1.0)],
    *_base_.labels,
    _base_.pack,
]
tta_pipeline = [
    _base_.read[0],
    dict(type='TestTimeAug', transforms=[sizes, _base_.mirrored, *_base_.look]),
]

val_dataloader = dict(dataset=dict(test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
