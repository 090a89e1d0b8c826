"""DeepFashion, full-body clothes, 8 landmarks; files: deepfashion_pose.py."""

_base_ = ['deepfashion_pose.py']

train_dataloader = dict(
    dataset=dict(subset='full', ann_file='annotations/fld_full_train.json')
)
val_dataloader = dict(
    dataset=dict(subset='full', ann_file='annotations/fld_full_val.json')
)
test_dataloader = dict(
    dataset=dict(subset='full', ann_file='annotations/fld_full_test.json')
)
