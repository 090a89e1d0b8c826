"""Stock models of mmdet, mmseg and mmpose train and predict on mmcv's stand-in.

On a GPU where there is one.
"""

from __future__ import annotations

from collections import Counter

import pytest
import stock
import torch
from batches import detection_batch
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from torch import nn

pytestmark = pytest.mark.jobs

DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'

ROIS = 'nms roi_align_forward roi_align_backward'
SAMPLING = 'deform_conv_forward deform_conv_backward_input'
DCN = f'{SAMPLING} deform_conv_backward_parameters'
DCN_V2 = 'modulated_deform_conv_forward modulated_deform_conv_backward'
SHIFTED = 'deform_roi_pool_forward deform_roi_pool_backward'
CARAFE = 'carafe_forward carafe_backward'
PSA = 'psamask_forward psamask_backward'

# The operators that each calls. On a CPU mmdet and mmcv compute focal losses and
# attention in plain torch.
DETECTORS = {
    'carafe/mask-rcnn_r50_fpn-carafe_1x_coco.py': f'{ROIS} {CARAFE}',
    'cascade_rpn/cascade-rpn_faster-rcnn_r50-caffe_fpn_1x_coco.py': f'{ROIS} {DCN}',
    'centernet/centernet_r18-dcnv2_8xb16-crop512-140e_coco.py': DCN_V2,
    'dcn/faster-rcnn_r50_fpn_dpool_1x_coco.py': f'nms {SHIFTED}',
    'dcn/mask-rcnn_r50-dconv-c3-c5_fpn_1x_coco.py': f'{ROIS} {DCN}',
    'dcnv2/faster-rcnn_r50-mdconv-group4-c3-c5_fpn_1x_coco.py': f'{ROIS} {DCN_V2}',
    'dcnv2/faster-rcnn_r50_fpn_mdpool_1x_coco.py': f'nms {SHIFTED}',
    'deformable_detr/deformable-detr_r50_16xb2-50e_coco.py': '',
    'detectors/cascade-rcnn_r50-sac_1x_coco.py': f'{ROIS} {DCN}',
    'dyhead/atss_r50_fpn_dyhead_1x_coco.py': f'nms {DCN_V2}',
    'faster_rcnn/faster-rcnn_r50_fpn_soft-nms_1x_coco.py': f'{ROIS} softnms',
    'foveabox/fovea_r50_fpn_gn-head-align_4xb4-2x_coco.py': f'nms {DCN}',
    'guided_anchoring/ga-retinanet_r50_fpn_1x_coco.py': f'{DCN} masked_im2col_forward',
    'mask2former/mask2former_r50_8xb2-lsj-50e_coco.py': '',
    'nas_fcos/nas-fcos_r50-caffe_fpn_nashead-gn-head_4xb4-1x_coco.py': f'nms {DCN_V2}',
    'pisa/faster-rcnn_r50_fpn_pisa_1x_coco.py': f'{ROIS} nms_match',
    'point_rend/point-rend_r50-caffe_fpn_ms-1x_coco.py': ROIS,
    'reppoints/reppoints-moment_r50_fpn_1x_coco.py': f'nms {DCN}',
    'retinanet/retinanet_r50_fpn_1x_coco.py': 'nms',
    'tood/tood_r50_fpn_1x_coco.py': f'nms {SAMPLING}',
    'vfnet/vfnet_r50_fpn_1x_coco.py': f'nms {DCN}',
}
SEGMENTORS = {
    'ccnet/ccnet_r50-d8_4xb4-80k_ade20k-512x512.py': '',
    'point_rend/pointrend_r50_4xb4-160k_ade20k-512x512.py': '',
    'psanet/psanet_r50-d8_4xb4-80k_ade20k-512x512.py': PSA,
}


@pytest.fixture
def calls(monkeypatch) -> Counter:
    """How often each operator was called."""
    import mmcv._ext as ext

    if 'standins' not in str(ext.__file__):
        pytest.skip('mmcv is compiled here; HRNET_MM_OPS=torchvision takes ours')
    counts: Counter = Counter()

    def count(name: str):
        operator = getattr(ext, name)

        def counted(*args, **kwargs):
            counts[name] += 1
            return operator(*args, **kwargs)

        return counted

    for name in ext.__all__:
        monkeypatch.setattr(ext, name, count(name))
    return counts


def build(library: str, path: str) -> nn.Module:
    config = stock.model_config(library, path)
    stock.shrink(config)
    return stock.build(library, config).to(DEVICE)


def check_step(model: nn.Module, batch: dict) -> None:
    """One step of training leaves finite losses and gradients."""
    model.train()
    data = model.data_preprocessor(batch, training=True)
    total, losses = model.parse_losses(model(**data, mode='loss'))
    total.backward()
    assert all(value.isfinite() for value in losses.values()), losses
    learning = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
    assert not [name for name, grad in learning.items() if grad is None]
    assert all(grad.isfinite().all() for grad in learning.values())


def predict(model: nn.Module, batch: dict) -> list:
    """For one image: masked convolutions take no more."""
    batch = {key: value[:1] for key, value in batch.items()}
    model.eval()
    with torch.no_grad():
        data = model.data_preprocessor(batch, training=False)
        return model(**data, mode='predict')


@pytest.mark.parametrize('path', DETECTORS)
def test_detectors(path, calls):
    MessageHub.get_current_instance().update_info('epoch', 0)  # TOOD asks for it
    model = build('mmdet', path)
    batch = detection_batch()
    for sample in batch['data_samples']:
        sample.set_metainfo(dict(batch_input_shape=(128, 160), border=(0, 128, 0, 160)))
    check_step(model, batch)
    for sample in predict(model, batch):
        found = sample.pred_instances
        assert len(found.scores) == len(found.bboxes) > 0
        assert found.scores.isfinite().all()
        assert found.bboxes.isfinite().all()
    assert set(DETECTORS[path].split()) <= calls.keys()


@pytest.mark.parametrize('path', SEGMENTORS)
def test_segmentors(path, calls):
    from mmseg.structures import SegDataSample

    model = build('mmseg', path)
    size = (64, 64)
    model.data_preprocessor.size = size
    sample = SegDataSample(
        metainfo=dict(img_shape=size, ori_shape=size, pad_shape=size),
        gt_sem_seg=PixelData(data=torch.randint(0, 150, (1, *size))),
    )
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    batch = dict(inputs=[image, image.flip(2)], data_samples=[sample, sample.clone()])
    check_step(model, batch)
    for predicted in predict(model, batch):
        assert predicted.seg_logits.data.isfinite().all()
    assert set(SEGMENTORS[path].split()) <= calls.keys()


def dekr() -> tuple[dict, list]:
    loss = dict(type='KeypointMSELoss')
    head = dict(
        type='DEKRHead',
        in_channels=16,
        num_keypoints=3,
        num_heatmap_filters=8,
        num_displacement_filters_per_keypoint=4,
        heatmap_loss=loss,
        displacement_loss=loss,
    )
    return head, [[torch.randn(2, 16, 12, 12)]]


def pose_warper() -> tuple[dict, list]:
    neck = dict(
        type='PoseWarperNeck',
        in_channels=8,
        out_channels=17,
        inner_channels=8,
        res_blocks_cfg=dict(block='BASIC', num_blocks=2),
        im2col_step=4,
    )
    frames = list(torch.randn(3, 2, 8, 12, 12))
    return neck, [frames, torch.tensor([0.5, 0.3, 0.2])]


def cast(inputs: list) -> list:
    return [cast(x) if isinstance(x, list) else x.to(DEVICE) for x in inputs]


@pytest.mark.parametrize('make', [dekr, pose_warper])
def test_parts_of_pose_models(make, calls):
    from mmpose.registry import MODELS

    init_default_scope('mmpose')
    part, inputs = make()
    model = MODELS.build(part).to(DEVICE)  # as it is built, it trains
    outputs = model(*cast(inputs))
    assert all(output.isfinite().all() for output in outputs)
    sum(output.square().mean() for output in outputs).backward()
    assert set(DCN.split()) <= calls.keys()
