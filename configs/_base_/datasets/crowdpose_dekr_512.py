"""CrowdPose, DEKR, 512 pixels on the short side: the files are those of crowdpose_512.py."""

_base_ = ['crowdpose_512.py', '../codecs/dekr.py']

codec = dict(_base_.dekr, _delete_=True)
size = _base_.dekr['input_size']
affine = dict(_base_.affine, input_size=size, distribution='trunc_norm')
target = dict(type='GenerateTarget', encoder=_base_.dekr)
resize = dict(_base_.resize, input_size=size, size_factor=32)

# CrowdPose has no regions without labels
train_pipeline = [_base_.load, affine, _base_.flip, target, _base_.pack]

train_dataloader = dict(batch_size=10, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=[_base_.load, resize, _base_.pack]))
test_dataloader = val_dataloader

val_evaluator = dict(score_mode='keypoint')
test_evaluator = val_evaluator

# The authors' net, which judges a pose by its bones: for CrowdPose's keypoints only.
rescore = dict(
    in_channels=59,
    norm_indexes=(0, 1),
    init_cfg=dict(
        type='hrnet_mm.Pretrained',
        prefix='',
        checkpoint='hrnet://dekr-rescoring/crowdpose',
    ),
)
