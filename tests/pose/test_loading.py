"""Top-down training data and targets equal those of MMPose's transforms and codecs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip('mmpose')

from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import KEYPOINT_CODECS, MODELS, TRANSFORMS

from hrnet_mm.engine import collate
from hrnet_mm.pose import HeatmapHead, PackTopdown, heatmaps

SIZES = dict(input_size=(48, 64), heatmap_size=(12, 16))
MSRA = dict(type='MSRAHeatmap', sigma=2, **SIZES)
CODECS = dict(
    msra=MSRA,
    half_pixels=dict(MSRA, sigma=1.5),
    dark=dict(MSRA, unbiased=True),
    udp=dict(MSRA, type='UDPHeatmap'),
    udp_half_pixels=dict(MSRA, type='UDPHeatmap', sigma=1.5),
)
OURS = [
    dict(type='hrnet_mm.RandomFlip'),
    dict(type='hrnet_mm.RandomBBoxTransform'),
    dict(type='TopdownAffine', input_size=SIZES['input_size']),
    dict(type='hrnet_mm.PackTopdown'),
]
THEIRS = [dict(it, type=it['type'].removeprefix('hrnet_mm.')) for it in OURS[:3]]
TARGET = dict(type='GenerateTarget', encoder=MSRA)
THEIRS += [TARGET, dict(type='PackPoseInputs')]
KEYPOINTS = 17


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmpose')


def person(seed: int) -> dict:
    draw = np.random.default_rng(seed)
    visible = (draw.random((1, KEYPOINTS)) < 0.8).astype(np.float32)
    return dict(
        img=draw.integers(0, 256, (90, 120, 3), np.uint8),
        img_shape=(90, 120), ori_shape=(90, 120), img_id=seed, id=seed,
        bbox=np.array([[10, 20, 70, 80]], np.float32),
        bbox_center=np.array([[40, 50]], np.float32),
        bbox_scale=np.array([[75, 75]], np.float32),
        keypoints=draw.uniform(0, 90, (1, KEYPOINTS, 2)).astype(np.float32),
        keypoints_visible=visible, flip_indices=[*range(KEYPOINTS)][::-1],
        raw_ann_info=dict(segmentation=[[1, 2, 3, 4, 5, 6]]),
    )  # fmt: skip


def run(steps: list[dict], results: dict) -> dict:
    np.random.seed(results['id'])
    for step in steps:
        results = TRANSFORMS.build(step)(results)
    return results


@pytest.mark.parametrize('seed', range(8))
def test_the_same_sample_is_packed(seed):
    theirs, ours = run(THEIRS, person(seed)), run(OURS, person(seed))
    assert torch.equal(ours['inputs'], theirs['inputs'])
    assert ours['inputs'].is_contiguous()
    ours, theirs = ours['data_samples'], theirs['data_samples']
    assert {*ours.metainfo_keys()} == {*theirs.metainfo_keys()} - {'raw_ann_info'}
    for name, value in ours.metainfo_items():
        np.testing.assert_equal(value, theirs.get(name))
    assert {*ours.gt_instances.keys()} == {*theirs.gt_instances.keys()}
    for name, value in theirs.gt_instances.items():
        assert (ours.gt_instances[name] == value).all(), name


def test_random_boxes_are_those_of_scipy():
    for low, high in ((-1, 1), (-2, 0.5)):
        drawn = []
        for kind in ('RandomBBoxTransform', 'hrnet_mm.RandomBBoxTransform'):
            np.random.seed(1)
            transform = TRANSFORMS.get(kind)
            drawn.append(transform._truncnorm(low, high, (500, 4)))
            drawn.append(np.random.rand())
        assert drawn[0].dtype == drawn[2].dtype
        np.testing.assert_allclose(drawn[2], drawn[0], atol=1e-6)
        assert drawn[1] == drawn[3]


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
def test_flips_of_any_direction_are_the_same(direction):
    step = dict(type='RandomFlip', prob=1.0, direction=direction)
    theirs = run([step], person(0))
    ours = run([dict(step, type='hrnet_mm.RandomFlip')], person(0))
    for name, value in theirs.items():
        np.testing.assert_equal(ours[name], value)
    assert ours['img'].flags.c_contiguous


@pytest.mark.parametrize('name', CODECS)
def test_heatmaps_of_a_batch_equal_those_of_the_codec(name):
    codec = KEYPOINT_CODECS.build(CODECS[name])
    draw = np.random.default_rng(0)
    # also far outside of the crop, where there is no heatmap
    points = draw.uniform(-60, 120, (20, 30, 2)).astype(np.float32)
    visible = draw.choice([0, 0.4, 0.6, 1], (20, 30)).astype(np.float32)
    maps, weights = heatmaps.encode(codec, *map(torch.from_numpy, (points, visible)))
    assert {0, 1} <= {*weights.unique().tolist()}
    for i in range(20):
        wanted = codec.encode(points[i : i + 1], visible[i : i + 1])
        np.testing.assert_allclose(maps[i], wanted['heatmaps'], atol=1e-6)
        np.testing.assert_array_equal(weights[i : i + 1], wanted['keypoint_weights'])


def losses(steps: list[dict], codec: dict = MSRA, **head) -> dict:
    head = dict(
        dict(type='hrnet_mm.HeatmapHead', in_channels=4, out_channels=KEYPOINTS),
        deconv_out_channels=None, decoder=codec,
        loss=dict(type='KeypointMSELoss', use_target_weight=True), **head,
    )  # fmt: skip
    torch.manual_seed(0)
    model = MODELS.build(head)
    samples = [run(steps, person(seed))['data_samples'] for seed in range(3)]
    return model.loss((torch.randn(3, 4, 16, 12),), samples)


def test_the_loss_is_that_of_mmpose():
    ours, theirs = losses(OURS), losses(THEIRS, type='HeatmapHead')
    torch.testing.assert_close(ours['loss_kpt'], theirs['loss_kpt'])
    assert ours['acc_pose'] == theirs['acc_pose']


def test_targets_of_the_pipeline_are_kept():
    target = dict(
        TARGET, encoder=dict(MSRA, sigma=1), use_dataset_keypoint_weights=True
    )
    weights = np.linspace(0, 1, KEYPOINTS, dtype=np.float32)
    steps = [*OURS[:3], target, dict(type='hrnet_mm.PackTopdown')]
    person_ = dict(person(0), dataset_keypoint_weights=weights)
    sample = run(steps, person_)['data_samples']
    assert 'transformed_keypoints' not in sample.gt_instance_labels
    before = sample.gt_fields.heatmaps.clone()
    labels = sample.gt_instance_labels.keypoint_weights.clone()
    head = HeatmapHead(4, KEYPOINTS, deconv_out_channels=None, decoder=dict(MSRA))
    head.loss((torch.randn(1, 4, 16, 12),), [sample])
    assert torch.equal(sample.gt_fields.heatmaps, before)
    assert torch.equal(sample.gt_instance_labels.keypoint_weights, labels)


def test_a_codec_that_needs_the_pipeline_is_named():
    offsets = dict(MSRA, type='UDPHeatmap', heatmap_type='combined')
    with pytest.raises(
        ValueError, match=r'UDPHeatmap.*add dict\(type="GenerateTarget"'
    ):
        losses(OURS, offsets)


def test_weights_of_a_converter_are_packed():
    results = dict(person(0), transformed_keypoints=person(0)['keypoints'])
    both = np.stack([results['keypoints_visible'], np.full((1, KEYPOINTS), 0.5)], -1)
    sample = PackTopdown()(dict(results, keypoints_visible=both))['data_samples']
    labels = sample.gt_instance_labels
    assert (labels.keypoints_visible_weights == 0.5).all()
    assert (labels.keypoint_weights.numpy() == results['keypoints_visible']).all()


def test_a_stacked_batch_is_normalized_like_a_list():
    options = dict(
        type='hrnet_mm.PoseDataPreprocessor', mean=[1, 2, 3], std=[4, 5, 6],
        bgr_to_rgb=True, pad_size_divisor=32,
    )  # fmt: skip
    model = MODELS.build(options)
    samples = [run(OURS, person(seed)) for seed in range(3)]
    found, wanted = (
        model(collating(samples)) for collating in (collate, pseudo_collate)
    )
    assert torch.equal(found['inputs'], wanted['inputs'])
    assert found['inputs'].shape == (3, 3, 64, 64)
    for one, other in zip(found['data_samples'], wanted['data_samples'], strict=True):
        assert one.pad_shape == other.pad_shape == (64, 64)
        assert one.batch_input_shape == other.batch_input_shape


@pytest.mark.parametrize('name', CODECS)
def test_keypoints_without_a_position_have_no_heatmap(name):
    codec = KEYPOINT_CODECS.build(CODECS[name])
    points = torch.tensor([[[20.0, 20.0], [torch.nan, 20.0], [torch.nan, torch.nan]]])
    maps, weights = heatmaps.encode(codec, points, torch.tensor([[1.0, 1.0, 0.0]]))
    assert maps[0, 0].max() > 0.5
    assert not maps[0, 1:].any()
    assert weights.tolist() == [[1, 0, 0]]


def test_samples_without_keypoints_for_the_head_are_told():
    steps = [*OURS[:3], dict(type='PackPoseInputs')]
    with pytest.raises(ValueError, match=r'hrnet_mm.PackTopdown, or add dict'):
        losses(steps)


@pytest.mark.parametrize('name', ['gt_bboxes', 'gt_seg_map'])
def test_labels_of_other_tasks_are_not_left_unflipped(name):
    with pytest.raises(ValueError, match=r'use mmdet.RandomFlip or mmseg.RandomFlip'):
        run([dict(type='hrnet_mm.RandomFlip')], {**person(0), name: np.zeros(4)})
