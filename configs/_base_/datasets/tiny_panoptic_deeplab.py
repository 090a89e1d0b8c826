"""TinyPeople, panoptic, with the targets of Panoptic-DeepLab."""

_base_ = ['tiny_panoptic.py']

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        pipeline=[
            _base_.read,
            dict(type='hrnet_mm.LoadSegments'),
            dict(type='RandomFlip', prob=0.5),
            dict(type='hrnet_mm.PackPanopticTargets'),
        ]
    ),
)
