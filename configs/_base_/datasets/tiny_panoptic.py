"""TinyPeople, panoptic: people and background, whole images, by `hrnet-mm tiny-people`.

The folder is data/tiny_people, or the folder in the environment variable TINY_PEOPLE.
"""

_base_ = ['tiny_det.py']

things_and_stuff = dict(num_things_classes=1, num_stuff_classes=1)

annotations = dict(type='hrnet_mm.LoadPanopticObjects')
test_pipeline = [_base_.read, _base_.same_size, _base_.pack_test]

train_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.TinyPanoptic',
        ann_file='annotations/panoptic_train.json',
        data_prefix=dict(seg='panoptic/train/'),
        pipeline=[_base_.read, annotations, *_base_.finish],
    )
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.TinyPanoptic',
        ann_file='annotations/panoptic_val.json',
        data_prefix=dict(seg='panoptic/val/'),
        pipeline=test_pipeline,
    )
)
test_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.TinyPanoptic',
        ann_file='annotations/panoptic_test.json',
        data_prefix=dict(seg='panoptic/test/'),
        pipeline=test_pipeline,
    )
)

val_evaluator = dict(
    _delete_=True,
    type='hrnet_mm.CocoPanopticMetric',
    ann_file=f'{_base_.data_root}/annotations/panoptic_val.json',
    seg_prefix=f'{_base_.data_root}/panoptic/val',
)
test_evaluator = dict(
    val_evaluator,
    ann_file=f'{_base_.data_root}/annotations/panoptic_test.json',
    seg_prefix=f'{_base_.data_root}/panoptic/test',
)
