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

train_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/cofw_train.json',
    )
)
val_dataloader = dict(dataset=dict(data, ann_file='annotations/cofw_test.json'))
test_dataloader = val_dataloader
