"""COFW, 29 face landmarks.

    COFW/annotations/{cofw_train,cofw_test}.json  MMPose's documentation
    COFW/images/  http://www.vision.caltech.edu/xpburgos/ICCV13

COFW is data/cofw, or the folder in the environment variable COFW.
"""

_base_ = ['landmarks.py']

data_root = '{{$COFW:data/cofw}}'
dataset_type = 'COFWDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.Cofw', data_root=data_root, data_prefix=dict(img='images/'))
codec = dict(sigma=1.5)
target = dict(encoder=codec)

train_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/cofw_train.json',
        pipeline=[
            *_base_.mirror,
            _base_.turn,
            _base_.affine,
            dict(_base_.target, encoder=dict(_base_.codec, **codec)),
            _base_.pack,
        ],
    )
)
val_dataloader = dict(dataset=dict(data, ann_file='annotations/cofw_test.json'))
test_dataloader = val_dataloader
