"""AP-10K, 17 keypoints of animals: the first of three splits.

    AP10K/annotations/ap10k-{train,val,test}-split1.json  https://github.com/AlexTheBad/AP-10K
    AP10K/data/*.jpg                                      the same

AP10K is data/ap10k, or the folder in the environment variable AP10K.
"""

_base_ = ['animals.py']

data_root = '{{$AP10K:data/ap10k}}'
dataset_type = 'AP10KDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.Ap10k', data_root=data_root, data_prefix=dict(img='data/'))

train_dataloader = dict(
    dataset=dict(data, ann_file='annotations/ap10k-train-split1.json')
)
val_dataloader = dict(dataset=dict(data, ann_file='annotations/ap10k-val-split1.json'))
test_dataloader = dict(
    dataset=dict(data, ann_file='annotations/ap10k-test-split1.json')
)

val_evaluator = dict(
    type='hrnet_mm.CocoPoseMetric',
    ann_file=f'{data_root}/annotations/ap10k-val-split1.json',
)
test_evaluator = dict(
    type='hrnet_mm.CocoPoseMetric',
    ann_file=f'{data_root}/annotations/ap10k-test-split1.json',
)
