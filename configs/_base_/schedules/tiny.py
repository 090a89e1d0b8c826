"""Schedule for minutes on two CPU cores, from scratch: Adam, warm-up, cosine.

Batches are small, because the number of steps matters most. Gradients are clipped,
because those through the objects of OCR, which are nearly equal and then normalized, are
very large at first.
"""

epochs = 3

train_cfg = dict(type='hrnet_mm.EpochLoop', max_epochs=epochs, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='hrnet_mm.Adam', lr=4e-3, weight_decay=0),
    clip_grad=dict(max_norm=1),
)
warm_up = dict(type='LinearLR', begin=0, end=50, start_factor=0.01, by_epoch=False)
cosine = dict(type='CosineAnnealingLR', eta_min=4e-5, convert_to_iter_based=True)
param_scheduler = [warm_up, dict(cosine, T_max=epochs, end=epochs)]
