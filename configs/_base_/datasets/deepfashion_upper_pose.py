"""DeepFashion, upper-body clothes, 6 landmarks; files: deepfashion_pose.py."""

_base_ = ['deepfashion_pose.py']

train_dataloader = dict(
    dataset=dict(subset='upper', ann_file='annotations/fld_upper_train.json')
)
val_dataloader = dict(
    dataset=dict(subset='upper', ann_file='annotations/fld_upper_val.json')
)
test_dataloader = dict(
    dataset=dict(subset='upper', ann_file='annotations/fld_upper_test.json')
)
