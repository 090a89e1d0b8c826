"""COCO-WholeBody, bottom-up, 512 pixels on the short side; heatmaps at 1/4 and 1/2.

The files are those of wholebody_pose.py.
"""

_base_ = ['coco_bottomup_512.py']

dataset_type = 'CocoWholeBodyDataset'  # MMPoseInferencer chooses its detector by this
codec = dict(keypoint_order=())  # the order of the data, as in MMPose 0.x
target = dict(_base_.target, encoder=dict(_base_.codec, **codec))
train_pipeline = [
    _base_.load, _base_.affine, _base_.flip, target, _base_.mask, _base_.pack
]  # fmt: skip
data = dict(type='hrnet_mm.CocoWholeBody')
val_file = 'annotations/coco_wholebody_val_v1.0.json'

train_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/coco_wholebody_train_v1.0.json',
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(dataset=dict(data, ann_file=val_file))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='hrnet_mm.CocoWholeBodyMetric', ann_file=f'{_base_.data_root}/{val_file}'
)
test_evaluator = val_evaluator
