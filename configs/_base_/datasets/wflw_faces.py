"""WFLW, 98 face landmarks.

    WFLW/annotations/{face_landmarks_wflw_train,face_landmarks_wflw_test}.json  MMPose's documentation
    WFLW/images/  https://wywu.github.io/projects/LAB/WFLW.html

WFLW is data/wflw, or the folder in the environment variable WFLW.
"""

_base_ = ['landmarks.py']

data_root = '{{$WFLW:data/wflw}}'
dataset_type = 'WFLWDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.Wflw', data_root=data_root, data_prefix=dict(img='images/'))

train_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/face_landmarks_wflw_train.json',
    )
)
val_dataloader = dict(
    dataset=dict(data, ann_file='annotations/face_landmarks_wflw_test.json')
)
test_dataloader = val_dataloader
