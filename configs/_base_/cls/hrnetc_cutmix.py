"""HRNet-Wx-C with CutMix on every batch, as in https://arxiv.org/abs/1905.04899."""

_base_ = ['hrnetc.py']

model = dict(
    train_cfg=dict(augments=dict(type='CutMix', alpha=1.0)),
    head=dict(cal_acc=False),  # accuracy is undefined for mixed labels
)
