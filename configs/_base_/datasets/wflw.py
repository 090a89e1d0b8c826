"""WFLW, 98 landmarks of faces.

    WFLW/annotations/{face_landmarks_wflw_train,face_landmarks_wflw_test}.json  MMPose's documentation
    WFLW/images/  https://wywu.github.io/projects/LAB/WFLW.html

WFLW is data/wflw, or where the environment variable WFLW points.
"""

_base_ = ['landmarks.py']

data_root = '{{$WFLW:data/wflw}}'
dataset_type = 'WFLWDataset'  # MMPoseInferencer picks its detector by it
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
