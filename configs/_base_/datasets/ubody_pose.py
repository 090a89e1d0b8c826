"""COCO-WholeBody and every 10th frame of UBody, 133 keypoints; tests on COCO-WholeBody.

    UBODY/annotations/SCENE/train_annotations.json  https://github.com/IDEA-Research/OSX
    UBODY/images/SCENE/...                          converted as MMPose describes
    the files of wholebody_pose.py

UBODY is data/UBody, or the folder in the environment variable UBODY.
"""

_base_ = ['wholebody_pose.py']

ubody_root = '{{$UBODY:data/UBody}}'
coco = dict(_base_.train_dataloader.dataset, pipeline=[])
scenes = [
    dict(
        type='hrnet_mm.UBody',
        data_root=ubody_root,
        data_mode='topdown',
        ann_file=f'annotations/{scene}/train_annotations.json',
        data_prefix=dict(img='images/'),
        pipeline=[],
        sample_interval=10,
    )
    for scene in (
        'Magic_show', 'Entertainment', 'ConductMusic', 'Online_class', 'TalkShow',
        'Speech', 'Fitness', 'Interview', 'Olympic', 'TVShow', 'Singing',
        'SignLanguage', 'Movie', 'LiveVlog', 'VideoConference',
    )
]  # fmt: skip

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='CombinedDataset',
        metainfo=dict(from_file='configs/_base_/datasets/coco_wholebody.py'),
        datasets=[coco, *scenes],
    )
)
