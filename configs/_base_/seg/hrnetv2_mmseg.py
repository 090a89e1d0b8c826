"""HRNetV2 as in MMSegmentation: no bias, loss averaged over all pixels."""

_base_ = ['hrnetv2.py']

model = dict(
    decode_head=dict(bias='auto', loss_decode=dict(type='mmseg.CrossEntropyLoss'))
)
