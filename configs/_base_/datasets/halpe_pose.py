"""Halpe-FullBody, 136 keypoints of body, feet, face and hands.

    HALPE/annotations/halpe_{train,val}_v1.json
    HALPE/hico_20160224_det/images/train2015/*.jpg, HALPE/val2017/*.jpg
        https://github.com/Fang-Haoshu/Halpe-FullBody
    COCO/person_detection_results/... as in coco_pose.py

HALPE is data/halpe, or the folder in the environment variable HALPE.
"""

_base_ = ['coco_pose.py']

data_root = '{{$HALPE:data/halpe}}'
dataset_type = 'HalpeDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.Halpe', data_root=data_root)

train_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/halpe_train_v1.json',
        data_prefix=dict(img='hico_20160224_det/images/train2015/'),
    )
)
val_dataloader = dict(dataset=dict(data, ann_file='annotations/halpe_val_v1.json'))
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=f'{data_root}/annotations/halpe_val_v1.json')
test_evaluator = val_evaluator
