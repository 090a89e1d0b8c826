"""HRNetV2-W18, 29 face landmarks, COFW, 256x256: the official recipe.

mim train mmpose configs/pose/hrnetv2_w18_cofw-256x256_official.py
mim test mmpose configs/pose/hrnetv2_w18_cofw-256x256_official.py \
    --checkpoint CHECKPOINT
"""

_base_ = ['hrnetv2_w18_cofw-256x256.py']

codec = dict(_base_.codec, sigma=1.5)

model = dict(
    head=dict(decoder=codec, loss=dict(use_target_weight=False)),
    test_cfg=dict(flip_test=False),
)
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        pipeline=[
            *_base_.mirror,
            _base_.turn_less,
            _base_.affine,
            _base_.pack_keypoints,
        ]
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [dict(_base_.steps, end=60, milestones=[30, 50])]
auto_scale_lr = dict(base_batch_size=16)
