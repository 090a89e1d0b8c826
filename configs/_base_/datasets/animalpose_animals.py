"""Animal-Pose, 20 keypoints of cats, cows, dogs, horses and sheep.

    ANIMALPOSE/annotations/{animalpose_train,animalpose_val}.json  MMPose's documentation
    ANIMALPOSE/VOC2012/JPEGImages/  http://host.robots.ox.ac.uk/pascal/VOC/voc2012

ANIMALPOSE is data/animalpose, or the folder in the environment variable ANIMALPOSE.
"""

_base_ = ['animals.py']

data_root = '{{$ANIMALPOSE:data/animalpose}}'
dataset_type = 'AnimalPoseDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.AnimalPose', data_root=data_root, data_prefix=dict(img=''))

train_dataloader = dict(
    dataset=dict(data, ann_file='annotations/animalpose_train.json')
)
val_dataloader = dict(dataset=dict(data, ann_file='annotations/animalpose_val.json'))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='hrnet_mm.CocoPoseMetric',
    ann_file=f'{data_root}/annotations/animalpose_val.json',
)
test_evaluator = val_evaluator
