"""CrowdPose, bottom-up, 640 pixels on the short side: its place is in crowdpose.py."""

_base_ = ['crowdpose.py']

codec = dict(input_size=(640, 640), heatmap_sizes=[(160, 160), (320, 320)])
affine = dict(_base_.affine, input_size=codec['input_size'])
target = [dict(_base_.target[0], encoder=dict(_base_.codec, **codec)), _base_.target[1]]
resize = dict(_base_.resize, input_size=codec['input_size'])

train_dataloader = dict(
    dataset=dict(pipeline=[*_base_.load, affine, _base_.flip, *target, _base_.pack])
)
val_dataloader = dict(dataset=dict(pipeline=[_base_.load[0], resize, _base_.pack]))
test_dataloader = val_dataloader
