"""Cityscapes, trained on train and val, for the test server."""

_base_ = ['cityscapes.py']

train = _base_.train_dataloader.dataset
val = dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val')
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[train, dict(train, data_prefix=val)],
    )
)
