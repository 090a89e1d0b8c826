"""Animal Kingdom, 23 keypoints of animals: protocol 1, all species in both splits.

    ANIMAL_KINGDOM/annotations/ak_P1/{train,test}.json  https://sutdcv.github.io/Animal-Kingdom
    ANIMAL_KINGDOM/images/                              the same

ANIMAL_KINGDOM is data/ak, or the folder in the environment variable ANIMAL_KINGDOM.
"""

_base_ = ['animals.py']

data_root = '{{$ANIMAL_KINGDOM:data/ak}}'
dataset_type = 'AnimalKingdomDataset'  # MMPoseInferencer chooses its detector by this
data = dict(
    type='hrnet_mm.AnimalKingdom',
    data_root=data_root,
    data_prefix=dict(img='images/'),
)

train_dataloader = dict(
    batch_size=32, dataset=dict(data, ann_file='annotations/ak_P1/train.json')
)
val_dataloader = dict(
    batch_size=24, dataset=dict(data, ann_file='annotations/ak_P1/test.json')
)
test_dataloader = val_dataloader

val_evaluator = [dict(type='PCKAccuracy', thr=0.05), dict(type='AUC')]
test_evaluator = val_evaluator
