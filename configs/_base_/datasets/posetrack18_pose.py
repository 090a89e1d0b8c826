"""PoseTrack18, 17 keypoints of people in frames of videos.

    POSETRACK18/annotations/posetrack18_{train,val}.json, posetrack18_val_human_detections.json
        MMPose's documentation
    POSETRACK18/annotations/val/*.json, images/...  https://posetrack.net

POSETRACK18 is data/posetrack18, or the folder in the environment variable POSETRACK18.
"""

_base_ = ['coco_pose.py']

data_root = '{{$POSETRACK18:data/posetrack18}}'
dataset_type = 'PoseTrack18Dataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.PoseTrack18', data_root=data_root, data_prefix=dict(img=''))

train_dataloader = dict(
    dataset=dict(data, ann_file='annotations/posetrack18_train.json')
)
val_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/posetrack18_val.json',
        bbox_file=f'{data_root}/annotations/posetrack18_val_human_detections.json',
        filter_cfg=dict(bbox_score_thr=0.4),
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='hrnet_mm.PoseTrack18Metric',
    ann_file=f'{data_root}/annotations/posetrack18_val.json',
)
test_evaluator = val_evaluator
