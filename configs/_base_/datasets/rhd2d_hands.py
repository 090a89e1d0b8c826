"""RHD, 21 keypoints of rendered hands.

    RHD/annotations/{rhd_train,rhd_test}.json  MMPose's documentation
    RHD/{training,evaluation}/color/  https://lmb.informatik.uni-freiburg.de/resources/datasets/RenderedHandposeDataset.en.html

RHD is data/rhd, or the folder in the environment variable RHD.
"""

_base_ = ['hands.py']

data_root = '{{$RHD:data/rhd}}'
dataset_type = 'Rhd2DDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.Rhd2d', data_root=data_root, data_prefix=dict(img=''))

train_dataloader = dict(dataset=dict(data, ann_file='annotations/rhd_train.json'))
val_dataloader = dict(dataset=dict(data, ann_file='annotations/rhd_test.json'))
test_dataloader = val_dataloader
