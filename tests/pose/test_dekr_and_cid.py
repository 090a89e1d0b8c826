"""DEKR and CID predict what MMPose's heads do, and train on any batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

pytest.importorskip('mmpose')

import mmpose
from mmpose.codecs import SPR as StockSPR
from mmpose.datasets.transforms import GenerateTarget
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from hrnet_mm.building import build_model
from hrnet_mm.checkpoints import CheckpointError, translate_for
from hrnet_mm.models import HRNet
from hrnet_mm.pose import CrowdMask, PackBottomup

K, SIZE, MAPS, CHANNELS = 17, (96, 64), (24, 16), 15
FLIP = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
LINKS = [
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7),
    (6, 8), (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
]  # fmt: skip
INFO = dict(input_size=SIZE, flip_indices=FLIP, skeleton_links=LINKS)
SPR = dict(
    type='SPR', input_size=SIZE, heatmap_size=MAPS, sigma=(4, 2),
    minimal_diagonal_length=1, generate_keypoint_heatmaps=True,
)  # fmt: skip
DECOUPLED = dict(type='hrnet_mm.DecoupledHeatmap', input_size=SIZE, heatmap_size=MAPS)
DEKR = dict(
    type='DEKRHead', in_channels=CHANNELS, num_keypoints=K, num_heatmap_filters=8,
    num_displacement_filters_per_keypoint=2, decoder=SPR,
    displacement_loss=dict(
        type='SoftWeightSmoothL1Loss', use_target_weight=True, supervise_empty=False),
    rescore_cfg=dict(in_channels=3 * len(LINKS) + K, norm_indexes=(5, 6)),
)  # fmt: skip
CID = dict(
    type='CIDHead', in_channels=CHANNELS, num_keypoints=K, gfd_channels=4,
    decoder=DECOUPLED,
)  # fmt: skip
HEADS = pytest.mark.parametrize('head', [DEKR, CID], ids=['dekr', 'cid'])


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmpose')


def build(head: dict, scope: str = 'hrnet_mm.') -> nn.Module:
    """Build a head of ours, or of MMPose with an empty scope, with its own weights."""
    torch.manual_seed(0)
    model = MODELS.build(dict(head, type=scope + head['type']))
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(std=0.3)
    if head['type'] == 'DEKRHead':
        model.heatmap_conv_layers[-1].bias.data.fill_(1)  # people everywhere
    return model


def sample(head: dict, people: int, seed: int = 0, **changes: Any) -> PoseDataSample:
    """Run a training pipeline on an image with people at random places."""
    rng = np.random.default_rng(seed)
    joints = rng.uniform(8, SIZE[1] - 8, (people, K, 2)).astype(np.float32)
    corners = np.array([[4, 4], [4, 60], [60, 4], [60, 60]], np.float32)
    results: dict[str, Any] = INFO | dict(
        img=np.zeros((*SIZE[::-1], 3), np.uint8), img_shape=SIZE[::-1],
        keypoints=joints, transformed_keypoints=joints,
        keypoints_visible=np.ones((people, K), np.float32),
        bbox=corners[None].repeat(people, 0),
        invalid_segs=[[[0, 0, 48, 0, 48, 64, 0, 64]]],  # the left half
        warp_mat=np.eye(2, 3),
    ) | changes  # fmt: skip
    for step in (GenerateTarget(head['decoder']), CrowdMask(), PackBottomup()):
        results = step(results)
    return results['data_samples']


def features(images: int, seed: int = 0) -> tuple[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (images, CHANNELS, *MAPS[::-1])
    return (torch.randn(shape, generator=generator).requires_grad_(),)


@pytest.mark.parametrize(
    ('leaf', 'stock'),
    [
        ('dekr_w32_coco-512x512', 'dekr_hrnet-w32_8xb10-140e_coco-512x512'),
        ('cid_w32_coco-512x512', 'cid_hrnet-w32_8xb20-140e_coco-512x512'),
    ],
)
def test_heads_get_the_features_of_mmpose_s_models(leaf, stock, root, randomised):
    (recipe,) = (Path(mmpose.__file__).parent / '.mim/configs').rglob(f'{stock}.py')
    ours, theirs = (
        build_model(Config.fromfile(path))
        for path in (root / f'configs/pose/{leaf}.py', recipe)
    )
    ours.load_state_dict(randomised(theirs).state_dict())
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        mine, wanted = (model.extract_feat(image)[-1] for model in (ours, theirs))
    assert (mine - wanted).abs().max() <= 1e-5 * wanted.abs().max()


@HEADS
def test_losses_are_mmpose_s(head):
    samples = [sample(head, people, people) for people in (2, 3)]
    ours, theirs = (
        build(head, scope).loss(features(2), samples, {}) for scope in ('hrnet_mm.', '')
    )
    assert ours == theirs
    assert all(loss > 0 for loss in ours.values())


def test_targets_decode_to_the_people_that_they_encode():
    truth = sample(DEKR, 1).gt_instances.keypoints
    fields = sample(DEKR, 1).gt_fields
    head = build(DEKR)
    (dekr,) = head.decode([fields.heatmaps[None]], [fields.displacements[None]])
    assert np.abs(dekr.keypoints[0] - truth[0]).max() < 1e-3
    maps = sample(CID, 1).gt_fields.instance_heatmaps[None].numpy()
    found, scores = build(CID).decoder.decode(maps, np.ones((1, 1)))
    assert np.abs(found - truth).max() < 2 * SIZE[0] / MAPS[0]
    assert np.array_equal(scores, np.ones((1, K)))


@HEADS
@pytest.mark.parametrize('flip', [False, True])
def test_predictions_are_mmpose_s(head, flip):
    test_cfg = dict(flip_test=flip, nms_dist_thr=0.05, shift_heatmap=True)
    feats = [features(1), features(1, 1)] if flip else features(1)
    with torch.no_grad():
        (ours,), (theirs,) = (
            build(head, scope)
            .eval()
            .predict(feats, [PoseDataSample(metainfo=INFO)], test_cfg)
            for scope in ('hrnet_mm.', '')
        )
    assert len(ours) > 1
    for name in ('keypoints', 'keypoint_scores'):
        assert np.array_equal(ours[name], theirs[name]), name
    # inferencers need boxes and their scores
    assert np.array_equal(ours.bboxes[:, :2], ours.keypoints.min(axis=1))
    assert np.array_equal(ours.bboxes[:, 2:], ours.keypoints.max(axis=1))
    assert np.array_equal(ours.bbox_scores, ours.keypoint_scores.mean(axis=1))


@HEADS
@pytest.mark.parametrize('fields', [False, True])
def test_images_of_a_batch_are_predicted_as_alone(head, fields):
    """MMPose's DEKR refuses them, and its CID mixes them in a flip test."""
    model = build(head).eval()
    test_cfg = dict(flip_test=True, output_heatmaps=fields)
    feats, mirrored = features(2), features(2, 1)
    info = PoseDataSample(metainfo=INFO)
    with torch.no_grad():
        found = model.predict([feats, mirrored], [info] * 2, test_cfg)
        alone = [
            model.predict(
                [(feats[0][i : i + 1],), (mirrored[0][i : i + 1],)], [info], test_cfg
            )
            for i in range(2)
        ]
    if fields:
        for i in range(2):
            assert torch.equal(found[1][i].heatmaps, alone[i][1][0].heatmaps)
        found, alone = found[0], [instances for instances, _ in alone]
    assert len(found[0]) > 1
    assert not np.array_equal(found[0].bboxes, found[1].bboxes)
    for together, (single,) in zip(found, alone, strict=True):
        assert np.allclose(together.keypoints, single.keypoints, atol=1e-4)


@HEADS
def test_an_image_without_people_has_no_predictions(head):
    model = build(head).eval()
    last = model.heatmap_conv_layers[-1] if head is DEKR else None
    last = last or model.iia_module.keypoint_root_conv
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, -20)
    info = PoseDataSample(metainfo=INFO)
    (found,) = model.predict(features(1), [info], dict(nms_dist_thr=0.05))
    assert len(found) == 0
    assert found.keypoints.shape == (0, K, 2)
    assert found.bboxes.shape == (0, 4)


@HEADS
@pytest.mark.parametrize('people', [(0, 0), (2, 0)])
def test_batches_without_people_train_every_parameter(head, people):
    """DDP waits for a gradient of each."""
    model = build(head)
    feats = features(2)
    losses = model.loss(feats, [sample(head, n, n) for n in people], {})
    full = model.loss(feats, [sample(head, 2), sample(head, 1)], {})
    assert losses.keys() == full.keys()
    assert all(loss.dtype == torch.float32 for loss in losses.values())
    sum(losses.values()).backward()
    assert sum(losses.values()).isfinite()
    assert feats[0].grad.isfinite().all()
    for name, parameter in model.named_parameters():
        trained = not name.startswith('rescore_net')
        assert parameter.requires_grad is trained
        assert not trained or parameter.grad.isfinite().all(), name


@HEADS
def test_regions_without_labels_are_not_trained(head):
    """MMPose computes their mask, and its codecs do not pack it."""
    mask = sample(head, 1).gt_fields.heatmap_mask
    assert mask.shape == (1, *MAPS[::-1])
    assert not mask[..., : MAPS[0] // 2 - 1].any()
    assert mask[..., MAPS[0] // 2 + 1 :].all()
    model = build(head)
    whole, masked = (
        model.loss(features(1), [sample(head, 1, invalid_segs=outlines)], {})
        for outlines in ([], [[[0, 0, 48, 0, 48, 64, 0, 64]]])
    )
    name = 'loss/heatmap' if head is DEKR else 'loss/heatmap_coupled'
    assert 0 < masked[name] != whole[name]


def test_masks_leave_the_table_of_the_codec_alone():
    sample(DEKR, 1)
    assert 'heatmap_mask' not in StockSPR.field_mapping_table


@HEADS
def test_weights_without_the_version_of_the_head_load(head):
    """Files of safetensors have tensors only; MMPose takes them for those of 0.x."""
    source, target = build(head), build(head)
    for parameter in target.parameters():
        nn.init.zeros_(parameter)
    state = {f'head.{name}': value for name, value in source.state_dict().items()}
    report = nn.ModuleDict(dict(head=target)).load_state_dict(state)
    assert not report.missing_keys
    for a, b in zip(source.parameters(), target.parameters(), strict=True):
        assert torch.equal(a, b)


@HEADS
def test_mmpose_s_heads_keep_their_version(head):
    """AnyFamilyHook passes it on to ``load_state_dict``."""
    source, target = (
        nn.ModuleDict(dict(backbone=HRNet('w18_small_v1'), head=build(head, '')))
        for _ in range(2)
    )
    for parameter in target.parameters():
        nn.init.zeros_(parameter)
    content = dict(state_dict=source.state_dict())
    translate_for(target, content, 'a file')
    target.load_state_dict(content['state_dict'])
    for a, b in zip(source.parameters(), target.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_rescoring_net_of_other_keypoints_is_refused(tmp_path):
    """MMPose logs that it does not fit, and rescores with random weights."""
    torch.save(build(DEKR).rescore_net.state_dict(), tmp_path / 'net.pth')
    init_cfg = dict(
        type='hrnet_mm.Pretrained', prefix='', checkpoint=str(tmp_path / 'net.pth')
    )
    fitting = dict(DEKR['rescore_cfg'], init_cfg=init_cfg)
    net = build(dict(DEKR, rescore_cfg=fitting)).rescore_net
    nn.init.zeros_(net.l1.weight)
    net.init_weights()
    assert torch.equal(net.l1.weight, build(DEKR).rescore_net.l1.weight)
    net = build(dict(DEKR, rescore_cfg=dict(fitting, in_channels=59))).rescore_net
    with pytest.raises(CheckpointError, match='l1'):
        net.init_weights()


def test_weights_of_mmpose_0_load():
    source = build(DEKR)
    state = {}
    for name, value in source.state_dict().items():
        if name.startswith('heatmap_conv_layers.2'):
            value = torch.cat((value[-1:], value[:-1]))  # the centres came first
        if name.startswith('displacement_conv_layers.3'):
            value = -value
        name = name.replace('displacement_conv_layers', 'offset_conv_layers')
        if 'rescore_net' not in name:
            state[name] = value
    target = build(DEKR)
    for parameter in target.parameters():
        nn.init.zeros_(parameter)
    report = target.load_state_dict(state, strict=False)
    assert all('rescore_net' in name for name in report.missing_keys)
    for name, value in source.state_dict().items():
        if 'rescore_net' not in name:
            assert torch.equal(value, target.state_dict()[name]), name
