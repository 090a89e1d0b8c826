"""Face landmarks, 60 epochs of Adam, as in MMPose: 2e-3 for a batch of 512."""

train_cfg = dict(type='hrnet_mm.EpochLoop', max_epochs=60, val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='Adam', lr=2e-3, weight_decay=0))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=500, start_factor=0.001, by_epoch=False),
    dict(type='MultiStepLR', end=60, milestones=[40, 55], gamma=0.1, by_epoch=True),
]
auto_scale_lr = dict(enable=False, base_batch_size=512)
