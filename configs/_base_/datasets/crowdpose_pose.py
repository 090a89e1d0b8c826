"""CrowdPose, top-down, 14 keypoints.

    CROWDPOSE/annotations/det_for_crowd_test_0.1_0.5.json  MMPose's documentation
    the files of crowdpose_512.py

CROWDPOSE is data/crowdpose, or the folder in the environment variable CROWDPOSE.
"""

_base_ = ['coco_pose.py']

data_root = '{{$CROWDPOSE:data/crowdpose}}'
dataset_type = 'CrowdPoseDataset'  # MMPoseInferencer chooses its detector by this
data = dict(
    type='hrnet_mm.CrowdPose', data_root=data_root, data_prefix=dict(img='images/')
)

train_dataloader = dict(
    dataset=dict(data, ann_file='annotations/mmpose_crowdpose_trainval.json')
)
val_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/mmpose_crowdpose_test.json',
        bbox_file=f'{data_root}/annotations/det_for_crowd_test_0.1_0.5.json',
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(
    ann_file=f'{data_root}/annotations/mmpose_crowdpose_test.json',
    use_area=False,
    iou_type='keypoints_crowd',
    prefix='crowdpose',
)
test_evaluator = val_evaluator
