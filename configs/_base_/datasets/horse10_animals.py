"""Horse-10, 22 keypoints of horses: the first of three splits.

    HORSE10/annotations/horse10-{train,test}-split1.json  MMPose's documentation
    HORSE10/labeled-data/  http://www.mackenziemathislab.org/horse10

Errors are relative to the distance between nose and eye.

HORSE10 is data/horse10, or the folder in the environment variable HORSE10.
"""

_base_ = ['animals.py']

data_root = '{{$HORSE10:data/horse10}}'
dataset_type = 'Horse10Dataset'  # MMPoseInferencer chooses its detector by this
# no half bodies
augment = [*_base_.prepare, _base_.mirror, _base_.turn]
data = dict(type='hrnet_mm.Horse10', data_root=data_root, data_prefix=dict(img=''))

train_dataloader = dict(
    dataset=dict(data, ann_file='annotations/horse10-train-split1.json')
)
val_dataloader = dict(
    dataset=dict(data, ann_file='annotations/horse10-test-split1.json')
)
test_dataloader = val_dataloader

val_evaluator = dict(type='hrnet_mm.KeypointDistancePCK', thr=0.3)
test_evaluator = val_evaluator
