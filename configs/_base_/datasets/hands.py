"""Hand pose: augmentation and metrics; rhd2d_hands.py and others name the data. Size and codec: codecs/."""

_base_ = ['crops.py']

turn = dict(
    type='hrnet_mm.RandomBBoxTransform', rotate_factor=180, scale_factor=(0.7, 1.3)
)
augment = [*_base_.prepare, _base_.mirror, turn]

val_evaluator = [
    dict(type='PCKAccuracy', thr=0.2),
    dict(type='AUC'),
    dict(type='EPE'),
]
test_evaluator = val_evaluator
