"""COCO, 1x, for FCOS: half the rate, gradients clipped, no decay of biases."""

_base_ = ['coco_1x.py']

optim_wrapper = dict(
    optimizer=dict(lr=0.01),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=35, norm_type=2),
)
param_scheduler = [
    dict(type='ConstantLR', factor=1.0 / 3, by_epoch=False, begin=0, end=500),
    dict(_base_.steps, end=_base_.epochs, milestones=[8, 11]),
]
