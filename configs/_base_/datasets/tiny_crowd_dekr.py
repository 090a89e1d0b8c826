"""TinyPeople in crowds, DEKR: centres of people and displacements from them, at 1/4."""

_base_ = ['tiny_crowd.py']

dekr = dict(
    type='SPR',
    input_size=(192, 160),
    heatmap_size=(48, 40),
    sigma=(2, 1.5),  # centres are closer to each other than in images of 512 pixels
    minimal_diagonal_length=4,
    generate_keypoint_heatmaps=True,
    decode_max_instances=30,
)
codec = dict(_delete_=True, **dekr)
target = dict(type='GenerateTarget', encoder=dekr)

train_pipeline = [*_base_.augment, target, _base_.mask, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

val_evaluator = dict(score_mode='keypoint')
test_evaluator = val_evaluator
