"""HRNet-W32, human pose, COCO and AI Challenger, the 19 keypoints of both, 256x192.

mim train mmpose configs/pose/hrnet_w32_coco-aic-256x192_combine.py
mim test mmpose configs/pose/hrnet_w32_coco-aic-256x192_combine.py \
    --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/widths/w32.py',
    '../_base_/codecs/256x192.py',
    '../_base_/datasets/coco_aic_pose.py',
    '../_base_/schedules/adam_210e.py',
]

metainfo = dict(from_file='configs/_base_/datasets/coco_aic.py')
keep = dict(
    type='KeypointConverter', num_keypoints=19, mapping=[(i, i) for i in range(17)]
)
both = [*_base_.limbs, (12, 17), (13, 18)]  # top of the head, neck
coco = dict(_base_.coco, pipeline=[keep])
aic = dict(_base_.aic, pipeline=[dict(keep, mapping=both)])

model = dict(
    metainfo=metainfo,
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(in_channels=_base_.C, out_channels=19, decoder=_base_.codec),
    test_cfg=dict(output_keypoint_indices=list(range(17))),  # those of COCO
)
train_dataloader = dict(
    batch_size=64,  # base batch of 512 on 8 GPUs
    dataset=dict(
        _delete_=True,
        type='CombinedDataset',
        metainfo=metainfo,
        datasets=[coco, aic],
        pipeline=[*_base_.augment, *_base_.encode],
    ),
)
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, *_base_.crop]))
test_dataloader = val_dataloader
