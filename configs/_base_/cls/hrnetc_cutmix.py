"""With CutMix, on every batch, as https://arxiv.org/abs/1905.04899 trains on ImageNet."""

_base_ = ['hrnetc.py']

model = dict(
    train_cfg=dict(augments=dict(type='CutMix', alpha=1.0)),
    head=dict(cal_acc=False),  # of labels that are mixed there is none
)
