"""TinyPeople's faces, whole images; files as in tiny_det.py."""

_base_ = ['tiny_det.py']

faces = dict(type='hrnet_mm.TinyFaces')
# the metric reads the faces of the samples, also with --tta
pack_test = dict(
    type='PackDetInputs',
    meta_keys=(
        'img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip',
        'flip_direction', 'instances',
    ),
)  # fmt: skip
look = [_base_.read, _base_.same_size, _base_.annotations]
test_pipeline = [*look, pack_test]
mirrored = [dict(type='RandomFlip', prob=prob) for prob in (0.0, 1.0)]
views = dict(type='TestTimeAug', transforms=[mirrored, [pack_test]])
tta_pipeline = [*look, views]

train_dataloader = dict(dataset=faces)
val_dataloader = dict(dataset=dict(faces, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(faces, pipeline=test_pipeline))

val_evaluator = dict(ann_file=None)  # the faces of the samples
test_evaluator = val_evaluator
