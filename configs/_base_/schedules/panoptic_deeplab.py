"""Panoptic-DeepLab: Adam, warm-up of 1000 steps, polynomial decay with power 0.9, by step."""

train_cfg = dict(type='hrnet_mm.EpochLoop')
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', weight_decay=0))
warm_up = dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=1000)
poly = dict(type='PolyLR', power=0.9, eta_min=0.0, convert_to_iter_based=True)
