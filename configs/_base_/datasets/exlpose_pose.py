"""ExLPose, 14 keypoints in low light (LL), tested on the true boxes of LL-A.

    EXLPOSE/annotations/ExLPose/ExLPose_{train_LL,test_LL-A}.json
    EXLPOSE/...  images, as the annotations name them
        http://cg.postech.ac.kr/research/ExLPose

EXLPOSE is data/ExLPose, or the folder in the environment variable EXLPOSE.
"""

_base_ = ['coco_pose.py']

data_root = '{{$EXLPOSE:data/ExLPose}}'
dataset_type = 'ExlposeDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.ExLPose', data_root=data_root, data_prefix=dict(img=''))

train_dataloader = dict(
    dataset=dict(data, ann_file='annotations/ExLPose/ExLPose_train_LL.json')
)
val_dataloader = dict(
    dataset=dict(
        data, ann_file='annotations/ExLPose/ExLPose_test_LL-A.json', bbox_file=None
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(
    ann_file=f'{data_root}/annotations/ExLPose/ExLPose_test_LL-A.json', use_area=False
)
test_evaluator = val_evaluator
