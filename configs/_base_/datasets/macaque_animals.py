"""MacaquePose, 17 keypoints of macaques.

    MACAQUE/annotations/{macaque_train,macaque_test}.json  MMPose's documentation
    MACAQUE/images/  http://www.pri.kyoto-u.ac.jp/datasets/macaquepose

MACAQUE is data/macaque, or the folder in the environment variable MACAQUE.
"""

_base_ = ['animals.py']

data_root = '{{$MACAQUE:data/macaque}}'
dataset_type = 'MacaqueDataset'  # MMPoseInferencer chooses its detector by this
data = dict(
    type='hrnet_mm.Macaque', data_root=data_root, data_prefix=dict(img='images/')
)

train_dataloader = dict(dataset=dict(data, ann_file='annotations/macaque_train.json'))
val_dataloader = dict(dataset=dict(data, ann_file='annotations/macaque_test.json'))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='hrnet_mm.CocoPoseMetric',
    ann_file=f'{data_root}/annotations/macaque_test.json',
)
test_evaluator = val_evaluator
