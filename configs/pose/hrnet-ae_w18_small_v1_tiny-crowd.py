"""HRNet-W18-small-v1 with associative embedding: the baseline of HigherHRNet.

Heatmaps at 1/4 only.

hrnet-mm tiny-people --crowd
mim train mmpose configs/pose/hrnet-ae_w18_small_v1_tiny-crowd.py
"""

_base_ = ['higher-hrnet_w18_small_v1_tiny-crowd.py']

codec = dict(_base_.codec, heatmap_sizes=[(48, 40)], sigma=1.5)

model = dict(head=dict(deconv_channels=(), decoder=dict(_delete_=True, **codec)))
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            *_base_.augment,
            dict(type='GenerateTarget', encoder=codec),
            _base_.mask,
            _base_.pack,
        ]
    )
)
