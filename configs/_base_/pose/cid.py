"""CID: decouples the heatmaps of each person by the features at its centre (CVPR 2022)."""

_base_ = ['bottomup.py']

model = dict(
    backbone=dict(multiscale_output=True),
    neck=dict(type='hrnet_mm.HRNetV2'),
    head=dict(
        _delete_=True,
        type='hrnet_mm.CIDHead',
        coupled_heatmap_loss=dict(type='FocalHeatmapLoss', loss_weight=1.0),
        decoupled_heatmap_loss=dict(type='FocalHeatmapLoss', loss_weight=4.0),
        contrastive_loss=dict(type='InfoNCELoss', temperature=0.05, loss_weight=1.0),
    ),
    train_cfg=dict(max_train_instances=200),
    test_cfg=dict(multiscale_test=False, shift_heatmap=False, align_corners=False),
)
