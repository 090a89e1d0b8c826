"""ImageNet, 100 epochs: Nesterov SGD, 4 x 32 images, three rate drops to a tenth."""

epochs = 100

train_cfg = dict(type='hrnet_mm.EpochLoop', max_epochs=epochs, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=1e-4, nesterov=True),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1)
]
auto_scale_lr = dict(enable=False, base_batch_size=128)
