"""HRNetV2, W48, Cityscapes, trained on train and val, with online hard example mining.

After hrnetv2_w48_cityscapes-512x1024_ohem.py, 484 epochs more. `mim test` scores val,
which it was trained on; the server takes predictions.

mim train mmseg configs/seg/hrnetv2_w48_cityscapes-512x1024_trainval_ohem.py
mim test mmseg configs/seg/hrnetv2_w48_cityscapes-512x1024_trainval_ohem.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/hrnetv2.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/cityscapes_trainval.py',
    '../_base_/schedules/cityscapes_484e_more.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        arch=_base_.arch,
        init_cfg=_base_.imagenet,
        norm_cfg=dict(momentum=0.01),
    ),
    decode_head=dict(
        in_channels=15 * _base_.C,
        num_classes=_base_.num_classes,
        norm_cfg=dict(momentum=0.01),
        loss_decode=dict(
            type='hrnet_mm.OhemCrossEntropyLoss', class_weight=_base_.class_weight
        ),
    ),
)
load_from = (
    'work_dirs/hrnetv2_w48_cityscapes-512x1024_ohem/epoch_484.pth'  # initial weights
)
