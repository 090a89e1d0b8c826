"""TinyPeople's faces, whole images; files as in tiny_det.py."""

_base_ = ['tiny_det.py']

faces = dict(type='hrnet_mm.TinyFaces')
pack_test = dict(
    type='PackDetInputs',
    meta_keys=(
        'img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'instances',
    ),
)  # fmt: skip
test_pipeline = [_base_.read, _base_.same_size, _base_.annotations, pack_test]

train_dataloader = dict(dataset=faces)
val_dataloader = dict(dataset=dict(faces, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(faces, pipeline=test_pipeline))

val_evaluator = dict(ann_file=None)  # the faces of the samples
test_evaluator = val_evaluator
