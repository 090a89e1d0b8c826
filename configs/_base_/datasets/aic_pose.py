"""AI Challenger, 14 keypoints, tested on the true boxes.

    AIC/annotations/aic_{train,val}.json  MMPose's documentation
    AIC/ai_challenger_keypoint_train_20170902/keypoint_train_images_20170902/*.jpg
    AIC/ai_challenger_keypoint_validation_20170911/keypoint_validation_images_20170911/*.jpg
        https://github.com/AIChallenger/AI_Challenger_2017

AIC is data/aic, or the folder in the environment variable AIC.
"""

_base_ = ['coco_pose.py']

data_root = '{{$AIC:data/aic}}'
dataset_type = 'AicDataset'  # MMPoseInferencer chooses its detector by this
train = 'ai_challenger_keypoint_train_20170902/keypoint_train_images_20170902/'
val = 'ai_challenger_keypoint_validation_20170911/keypoint_validation_images_20170911/'
data = dict(type='hrnet_mm.Aic', data_root=data_root)

train_dataloader = dict(
    dataset=dict(
        data, ann_file='annotations/aic_train.json', data_prefix=dict(img=train)
    )
)
val_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/aic_val.json',
        bbox_file=None,
        data_prefix=dict(img=val),
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=f'{data_root}/annotations/aic_val.json', use_area=False)
test_evaluator = val_evaluator
