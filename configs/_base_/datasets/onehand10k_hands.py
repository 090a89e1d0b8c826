"""OneHand10K, 21 keypoints of hands.

    ONEHAND10K/annotations/{onehand10k_train,onehand10k_test}.json  MMPose's documentation
    ONEHAND10K/{Train,Test}/source/  https://www.yangangwang.com/papers/WANG-MCC-2018-10.html

ONEHAND10K is data/onehand10k, or the folder in the environment variable ONEHAND10K.
"""

_base_ = ['hands.py']

data_root = '{{$ONEHAND10K:data/onehand10k}}'
dataset_type = 'OneHand10KDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.OneHand10k', data_root=data_root, data_prefix=dict(img=''))

train_dataloader = dict(
    dataset=dict(data, ann_file='annotations/onehand10k_train.json')
)
val_dataloader = dict(dataset=dict(data, ann_file='annotations/onehand10k_test.json'))
test_dataloader = val_dataloader
