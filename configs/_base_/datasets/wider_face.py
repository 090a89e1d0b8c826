"""WIDER FACE: file layout, pipelines and data loaders.

    WIDER_FACE/wider_face_split/wider_face_{train,val}_bbx_gt.txt
    WIDER_FACE/WIDER_{train,val}/images/EVENT/*.jpg
    WIDER_FACE/eval_tools/ground_truth/*.mat

All are at http://shuoyang1213.me/WIDERFACE. WIDER_FACE is data/wider_face, or the folder
in the environment variable WIDER_FACE.
"""

_base_ = ['objects.py']

data_root = '{{$WIDER_FACE:data/wider_face}}'

crop = dict(type='hrnet_mm.RandomSquareCrop', shares=(0.3, 0.45, 0.6, 0.8, 1.0))
square = dict(type='Resize', scale=(640, 640), keep_ratio=False)
photometric = dict(
    type='PhotoMetricDistortion',
    brightness_delta=32,
    contrast_range=(0.5, 1.5),
    saturation_range=(0.5, 1.5),
    hue_delta=18,
)
resize = dict(type='Resize', scale=(640, 640), keep_ratio=True)

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        type='hrnet_mm.WiderFace',
        data_root=data_root,
        ann_file='wider_face_split/wider_face_train_bbx_gt.txt',
        data_prefix=dict(img='WIDER_train/images/'),
        # the smallest anchors are 8.8 pixels wide, and crops enlarge most faces
        filter_cfg=dict(filter_empty_gt=True, min_size=32, bbox_min_size=4),
        pipeline=[
            _base_.read,
            _base_.annotations,
            crop,
            square,
            photometric,
            *_base_.finish,
        ],
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.WiderFace',
        data_root=data_root,
        ann_file='wider_face_split/wider_face_val_bbx_gt.txt',
        data_prefix=dict(img='WIDER_val/images/'),
        pipeline=[_base_.read, resize, _base_.annotations, _base_.pack_test],
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='hrnet_mm.WiderFaceMetric', ground_truth=f'{data_root}/eval_tools/ground_truth'
)
test_evaluator = val_evaluator
