"""AFLW, 19 face landmarks.

    AFLW/annotations/{face_landmarks_aflw_train,face_landmarks_aflw_test}.json  MMPose's documentation
    AFLW/images/  https://www.tugraz.at/institute/icg/research/team-bischof/lrs/downloads/aflw

AFLW is data/aflw, or the folder in the environment variable AFLW.
"""

_base_ = ['landmarks.py']

data_root = '{{$AFLW:data/aflw}}'
dataset_type = 'AFLWDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.Aflw', data_root=data_root, data_prefix=dict(img='images/'))

train_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/face_landmarks_aflw_train.json',
    )
)
val_dataloader = dict(
    dataset=dict(data, ann_file='annotations/face_landmarks_aflw_test.json')
)
test_dataloader = val_dataloader

val_evaluator = dict(norm_mode='use_norm_item', norm_item='bbox_size')
test_evaluator = val_evaluator
