"""HRNetV2 as mmsegmentation trains it: no bias, the mean over all pixels."""

_base_ = ['hrnetv2.py']

model = dict(
    decode_head=dict(bias='auto', loss_decode=dict(type='mmseg.CrossEntropyLoss'))
)
