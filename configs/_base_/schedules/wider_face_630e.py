"""WIDER FACE, 630 epochs: SGD, 12 images a step, cosines of 30 epochs, as TinaFace."""

epochs = 630
period = 30

train_cfg = dict(type='hrnet_mm.EpochLoop', max_epochs=epochs, val_interval=period)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=3.75e-3, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [
    dict(
        type='CosineRestartLR',
        periods=[period] * (epochs // period),
        restart_weights=[1] * (epochs // period),
        eta_min_ratio=0.01,
        by_epoch=True,
        end=epochs,
    ),
    # below the cosine, which would undo the first step of a warm-up above it
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=500),
]
auto_scale_lr = dict(enable=False, base_batch_size=12)
