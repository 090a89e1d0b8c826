"""ImageNet, 300 epochs, cosine.

HRNet-Image-Classification publishes these two words, CutMix, and the results; the rest
is that of its 100 epochs.
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
