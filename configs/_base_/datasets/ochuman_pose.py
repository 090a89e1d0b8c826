"""OCHuman, 17 keypoints of people who hide each other: for tests. Training is on COCO.

    OCHUMAN/annotations/ochuman_coco_format_{val,test}_range_0.00_1.00.json
    OCHUMAN/images/*.jpg      https://github.com/liruilong940607/OCHumanApi

OCHUMAN is data/ochuman, or the folder in the environment variable OCHUMAN. Tests use
the true boxes, as those of MMPose 0.x.
"""

_base_ = ['coco_pose.py']

ochuman_root = '{{$OCHUMAN:data/ochuman}}'
names = 'annotations/ochuman_coco_format_{}_range_0.00_1.00.json'
data = dict(
    type='hrnet_mm.OcHuman',
    data_root=ochuman_root,
    bbox_file=None,
    data_prefix=dict(img='images/'),
)

val_dataloader = dict(dataset=dict(data, ann_file=names.format('val')))
test_dataloader = dict(dataset=dict(data, ann_file=names.format('test')))

val_evaluator = dict(ann_file=f'{ochuman_root}/{names.format("val")}')
test_evaluator = dict(ann_file=f'{ochuman_root}/{names.format("test")}')
