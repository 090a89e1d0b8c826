"""Minutes on two CPU cores, from scratch: Adam, warm-up, cosine."""

epochs = 4

train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=2)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-3, fused=True)
)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=50, start_factor=0.01, by_epoch=False),
    dict(
        type='CosineAnnealingLR',
        T_max=epochs,
        end=epochs,
        eta_min=2e-5,
        convert_to_iter_based=True,
    ),
]
