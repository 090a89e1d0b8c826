"""Pose: Adam, a warm-up of 500 steps, the rate a tenth at two epochs."""

train_cfg = dict(type='hrnet_mm.EpochLoop')
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='Adam', weight_decay=0))
warm_up = dict(type='LinearLR', begin=0, end=500, start_factor=0.001, by_epoch=False)
steps = dict(type='MultiStepLR', gamma=0.1, by_epoch=True)
auto_scale_lr = dict(enable=False)
