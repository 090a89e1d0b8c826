"""CrowdPose, bottom-up, 512 pixels on the short side; heatmaps at 1/4 and 1/2.

    CROWDPOSE/annotations/mmpose_crowdpose_{trainval,test}.json  MMPose's documentation
    CROWDPOSE/images/*.jpg                       https://github.com/Jeff-sjtu/CrowdPose

CROWDPOSE is data/crowdpose, or the folder in the environment variable CROWDPOSE.
"""

_base_ = ['coco_bottomup_512.py']

data_root = '{{$CROWDPOSE:data/crowdpose}}'
dataset_type = 'CrowdPoseDataset'
# from the head down; CrowdPose lists the head last
codec = dict(keypoint_order=[12, 13, 0, 1, 6, 7, 2, 3, 4, 5, 8, 9, 10, 11])
data = dict(
    type='hrnet_mm.CrowdPose', data_root=data_root, data_prefix=dict(img='images/')
)

train_dataloader = dict(
    dataset=dict(data, ann_file='annotations/mmpose_crowdpose_trainval.json')
)
val_dataloader = dict(
    dataset=dict(data, ann_file='annotations/mmpose_crowdpose_test.json')
)
test_dataloader = val_dataloader

val_evaluator = dict(
    ann_file=f'{data_root}/annotations/mmpose_crowdpose_test.json',
    use_area=False,
    iou_type='keypoints_crowd',
    prefix='crowdpose',
)
test_evaluator = val_evaluator
