"""FCOS for faces: the pyramid starts at 1/4, and each level has objects half as large."""

_base_ = ['fcos.py']

num_classes = 1
# an image may show hundreds of faces
kept = dict(nms=dict(type='nms', iou_threshold=0.45), max_per_img=1000)

model = dict(
    neck=dict(stride=1),
    bbox_head=dict(
        num_classes=num_classes,
        strides=[4, 8, 16, 32, 64],
        regress_ranges=[(-1, 32), (32, 64), (64, 128), (128, 256), (256, 1e8)],
    ),
    test_cfg=dict(nms_pre=5000, score_thr=0.01, **kept),
)
tta_model = dict(type='DetTTAModel', tta_cfg=kept)
