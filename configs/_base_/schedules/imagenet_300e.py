"""ImageNet, 300 epochs, cosine.

HRNet-Image-Classification publishes only that this schedule is cosine with CutMix, and
the results. All other settings are those of the schedule with 100 epochs.
"""

_base_ = ['imagenet_100e.py']

epochs = 300

train_cfg = dict(max_epochs=epochs)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        T_max=epochs,
        end=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
