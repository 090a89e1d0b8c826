"""Detection: SGD for 16 images a step, with warm-up and two drops of the rate."""

train_cfg = dict(type='hrnet_mm.EpochLoop', val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=0.0001),
)
warm_up = dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500)
steps = dict(type='MultiStepLR', begin=0, by_epoch=True, gamma=0.1)
auto_scale_lr = dict(enable=False, base_batch_size=16)
