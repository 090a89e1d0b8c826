"""DeepFashion, lower-body clothes, 4 landmarks; files: deepfashion_pose.py."""

_base_ = ['deepfashion_pose.py']

train_dataloader = dict(
    dataset=dict(subset='lower', ann_file='annotations/fld_lower_train.json')
)
val_dataloader = dict(
    dataset=dict(subset='lower', ann_file='annotations/fld_lower_val.json')
)
test_dataloader = dict(
    dataset=dict(subset='lower', ann_file='annotations/fld_lower_test.json')
)
