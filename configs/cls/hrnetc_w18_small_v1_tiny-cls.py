"""HRNet-W18-small-v1-C, TinyPeople's poses: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people
mim train mmpretrain configs/cls/hrnetc_w18_small_v1_tiny-cls.py
"""

_base_ = [
    '../_base_/cls/hrnetc.py',
    '../_base_/widths/w18_small_v1.py',
    '../_base_/datasets/tiny_cls.py',
    '../_base_/schedules/tiny.py',
]

epochs = 5

model = dict(
    # These settings learn in fewer steps: PyTorch's default initialization, whose small
    # weights change relatively more in a step of Adam; residual blocks that start as
    # identities; soft labels.
    backbone=dict(arch=_base_.arch, init_cfg=None, zero_init_residual=True),
    neck=[dict(_base_.widen, in_channels=_base_.widths, init_cfg=None), _base_.pool],
    head=dict(
        num_classes=_base_.num_classes,
        topk=(1,),
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1),
    ),
)
# Adam steps are equally large for all weights, but layers with up to 9216 inputs have
# small weights, so their learning rate is lower
wide = dict(lr_mult=0.16)
optim_wrapper = dict(
    optimizer=dict(lr=5e-3),
    paramwise_cfg=dict(custom_keys=dict(neck=wide, head=wide)),
)
train_cfg = dict(max_epochs=epochs)
warm_up = dict(_base_.warm_up, end=20)
param_scheduler = [warm_up, dict(_base_.cosine, T_max=epochs, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=32)

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=epochs),
    visualization=dict(interval=50),
)
