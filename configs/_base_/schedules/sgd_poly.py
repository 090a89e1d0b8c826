"""Segmentation: SGD, polynomial decay of the learning rate with power 0.9, by step."""

train_cfg = dict(type='hrnet_mm.EpochLoop')
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    type='OptimWrapper',  # mmseg's --amp requires it
    optimizer=dict(type='SGD', momentum=0.9),
)
poly = dict(type='PolyLR', power=0.9, eta_min=0.0, convert_to_iter_based=True)
