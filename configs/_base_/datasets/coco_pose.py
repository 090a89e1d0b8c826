"""COCO keypoints 2017: file layout, pipelines and data loaders. Size and codec: codecs/.

    COCO/annotations/person_keypoints_{train,val}2017.json   cocodataset.org
    COCO/{train,val}2017/*.jpg
    COCO/person_detection_results/COCO_val2017_detections_AP_H_56_person.json
        the published person detector (56.4 AP); MMPose's documentation links it

COCO is data/coco, or the folder in the environment variable COCO.
"""

data_root = '{{$COCO:data/coco}}'
dataset_type = 'CocoDataset'  # MMPoseInferencer chooses its detector by this
detections = (
    f'{data_root}/person_detection_results/COCO_val2017_detections_AP_H_56_person.json'
)

augment = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='hrnet_mm.RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='hrnet_mm.RandomBBoxTransform'),
]
prepare = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]

train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
    dataset=dict(
        type='hrnet_mm.CocoPose',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/person_keypoints_train2017.json',
        data_prefix=dict(img='train2017/'),
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='hrnet_mm.CocoPose',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/person_keypoints_val2017.json',
        bbox_file=detections,
        data_prefix=dict(img='val2017/'),
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='hrnet_mm.CocoPoseMetric',
    ann_file=f'{data_root}/annotations/person_keypoints_val2017.json',
)
test_evaluator = val_evaluator
