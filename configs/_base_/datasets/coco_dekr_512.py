"""COCO keypoints, DEKR, 512 pixels on the short side; heatmaps at 1/4."""

_base_ = ['coco_bottomup.py', '../codecs/dekr.py']

codec = _base_.dekr
size = codec['input_size']
affine = dict(_base_.affine, input_size=size, distribution='trunc_norm')
target = dict(type='GenerateTarget', encoder=codec)
resize = dict(_base_.resize, input_size=size, size_factor=32)

train_pipeline = [_base_.load, affine, _base_.flip, target, _base_.mask, _base_.pack]

train_dataloader = dict(batch_size=10, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=[_base_.load, resize, _base_.pack]))
test_dataloader = val_dataloader

val_evaluator = dict(score_mode='keypoint')
test_evaluator = val_evaluator

# The authors' net, which judges a pose by its bones: for the keypoints of COCO only.
rescore = dict(
    in_channels=74,
    norm_indexes=(5, 6),
    init_cfg=dict(
        type='hrnet_mm.Pretrained',
        prefix='',
        checkpoint='hrnet://dekr-rescoring/coco',
    ),
)
