"""ImageNet-1k, 224x224: the crops of HRNet-Image-Classification.

The folder is data/imagenet, or that in the environment variable IMAGENET:

    train/n01440764/n01440764_10026.JPEG    a folder for each of the 1000 classes
    val/n01440764/ILSVRC2012_val_00000293.JPEG
    meta/train.txt, meta/val.txt            optional: a line `file label` for each image
"""

data_root = '{{$IMAGENET:data/imagenet}}'
num_classes = 1000

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='hrnet_mm.RandomResizedCrop', scale=224, backend='pillow'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='hrnet_mm.PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=256, edge='short', backend='pillow'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
    dataset=dict(
        type='hrnet_mm.ImageNetCls',
        data_root=data_root,
        split='train',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='hrnet_mm.ImageNetCls',
        data_root=data_root,
        split='val',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
