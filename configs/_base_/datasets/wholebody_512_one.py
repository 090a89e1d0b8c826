"""COCO-WholeBody, bottom-up, 512 pixels on the short side; heatmaps at 1/4."""

_base_ = ['wholebody_512.py']

codec = dict(heatmap_sizes=[(128, 128)])
target = dict(_base_.target, encoder=dict(_base_.codec, **codec))

train_pipeline = [
    _base_.load, _base_.affine, _base_.flip, target, _base_.mask, _base_.pack
]  # fmt: skip
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
