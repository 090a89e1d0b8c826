"""HRNetV2 with OCR, W48, COCO-Stuff 10K.

mIoU 39.7 on val, 40.6 with 7 scales and mirrored (HRNet-Semantic-Segmentation, branch
HRNet-OCR).
70,560,246 parameters, 160.03 G MACs (2^30) at 520x520.

    mim train mmseg configs/seg/hrnetv2-ocr_w48_coco-stuff10k-520x520.py
    mim test mmseg configs/seg/hrnetv2-ocr_w48_coco-stuff10k-520x520.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/ocr.py',
    '../_base_/datasets/coco_stuff10k.py',
    '../_base_/schedules/coco_stuff_110e.py',
]

C = 48  # the streams have C, 2C, 4C and 8C channels

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w48/imagenet'),
    ),
    decode_head=[
        dict(head, in_channels=15 * C, num_classes=_base_.num_classes)
        for head in _base_.heads
    ],
)
model['decode_head'][-1]['loss_decode'] = dict(type='hrnet_mm.OhemCrossEntropyLoss')
