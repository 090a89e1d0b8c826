"""Pose, 210 epochs of Adam, as in MMPose: 5e-4 for a batch of 512."""

train_cfg = dict(type='hrnet_mm.EpochLoop', max_epochs=210, val_interval=10)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='Adam', lr=5e-4, weight_decay=0))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=500, start_factor=0.001, by_epoch=False),
    dict(type='MultiStepLR', end=210, milestones=[170, 200], gamma=0.1, by_epoch=True),
]
auto_scale_lr = dict(enable=False, base_batch_size=512)
