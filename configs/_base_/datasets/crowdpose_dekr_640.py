"""CrowdPose, DEKR, 640 pixels on the short side: the files are those of crowdpose_512.py."""

_base_ = ['crowdpose_dekr_512.py']

codec = dict(input_size=(640, 640), heatmap_size=(160, 160))
affine = dict(_base_.affine, input_size=codec['input_size'])
target = dict(_base_.target, encoder=dict(_base_.dekr, **codec))
resize = dict(_base_.resize, input_size=codec['input_size'])

train_pipeline = [_base_.load, affine, _base_.flip, target, _base_.pack]

train_dataloader = dict(batch_size=5, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=[_base_.load, resize, _base_.pack]))
test_dataloader = val_dataloader
