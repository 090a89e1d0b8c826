"""Pipelines, data loaders and metrics of all data sets with depth maps."""

_base_ = ['label_maps.py']

labels = [dict(type='hrnet_mm.LoadDepth')]
load_train = [dict(type='hrnet_mm.LoadImageFromFile'), *labels]
look = [[labels[0]], [_base_.pack]]
tta_pipeline = [
    _base_.read,
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=1.0, keep_ratio=True)],
            _base_.mirrored,
            *look,
        ],
    ),
]
tta_model = dict(type='hrnet_mm.DepthTTAModel')

val_dataloader = dict(
    dataset=dict(test_mode=True, pipeline=[_base_.read, *labels, _base_.pack])
)
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='hrnet_mm.DepthMetric')
test_evaluator = val_evaluator
