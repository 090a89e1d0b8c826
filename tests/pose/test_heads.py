"""HigherHRNetHead has the outputs and the losses of the official code."""

from __future__ import annotations

from types import SimpleNamespace

import official
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner.checkpoint import load_state_dict
from torch import Tensor, nn

pytest.importorskip('mmpose')

from hrnet_mm.checkpoints.pretrained import Pretrained
from hrnet_mm.models import HRNet
from hrnet_mm.pose import AssociativeEmbedding, HigherHRNetHead

K = 17
FLIP = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
PUBLISHED = dict(modules=(1, 4, 3), blocks=4, stem=(4, 64))


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmpose')


def build(width: int, **kwargs) -> nn.ModuleDict:
    trunk = HRNet(arch=f'w{width}', multiscale_output=False)
    kwargs = dict(deconv_channels=(width,)) | kwargs
    return nn.ModuleDict(dict(backbone=trunk, head=HigherHRNetHead(width, K, **kwargs)))


@pytest.mark.parametrize('width', [32, 48])
def test_published_models_have_the_official_outputs(width, tmp_path, randomised):
    theirs = randomised(official.HigherHRNet(width=width, **PUBLISHED)).eval()
    state = {f'1.{name}': value for name, value in theirs.state_dict().items()}
    torch.save(state, tmp_path / 'w.pth')  # the name begins as in the 640 models
    ours = build(width)
    Pretrained(str(tmp_path / 'w.pth'))(ours)  # an error, unless all is covered
    assert len(ours.state_dict()) == len(state)
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        wanted = theirs(image)
        got = ours.eval()['head'](ours['backbone'](image))
    assert [o.shape[1:] for o in got] == [(2 * K, 16, 24), (K, 32, 48)]
    for a, b in zip(got, wanted, strict=True):
        assert (a - b).abs().max() <= 1e-5 * b.abs().max()


@pytest.mark.jobs
def test_files_of_mmpose_s_baseline_load_in_stock_tools(randomised):
    theirs, ours = (randomised(build(32, deconv_channels=()), seed) for seed in (1, 2))
    state = {
        key.replace('final_layers.0', 'final_layer'): value
        for key, value in theirs.state_dict().items()
    }
    load_state_dict(ours, state, strict=True)
    for key, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value)


@pytest.mark.parametrize(
    ('width', 'deconv_channels', 'parameters'),
    [(32, (32,), 28_645_331), (48, (48,), 63_827_139), (32, (), 28_536_674)],
)
def test_sizes_are_the_published_ones(width, deconv_channels, parameters):
    with torch.device('meta'):
        model = build(width, deconv_channels=deconv_channels)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_initial_weights_are_those_of_the_official_code():
    head = HigherHRNetHead(16, K, deconv_channels=(16,))
    head.init_weights()
    up = head.deconv_layers[0][0][0]
    assert float(up.weight.std()) == pytest.approx(0.001, rel=0.1)
    assert float(head.final_layers[1].weight.std()) == pytest.approx(0.001, rel=0.2)
    assert not head.final_layers[0].bias.any()


def test_resolutions_follow_the_deconvolutions():
    x = [torch.rand(1, 8, 4, 6)]
    head = HigherHRNetHead(8, 3, tag_dim=2, deconv_channels=(6, 4), num_blocks=1)
    assert [o.shape[1:] for o in head(x)] == [(9, 4, 6), (3, 8, 12), (3, 16, 24)]
    apart = HigherHRNetHead(8, 3, deconv_channels=(6,), cat_output=False)
    assert apart.deconv_layers[0][0][0].weight.shape == (8, 6, 4, 4)
    alone = HigherHRNetHead(8, 3, deconv_channels=())
    assert [o.shape[1:] for o in alone(x)] == [(6, 4, 6)]


def test_invalid_arguments_are_rejected():
    with pytest.raises(ValueError, match=r'tag_dim=0.*1 or more.*HeatmapHead'):
        HigherHRNetHead(16, K, tag_dim=0)
    with pytest.raises(ValueError, match='num_keypoints=0'):
        HigherHRNetHead(16, 0)


SIZES = [(12, 8), (24, 16)]
CODEC = AssociativeEmbedding((48, 32), SIZES)


def sample(people: Tensor, visible: Tensor, mask: list[Tensor] | None = None):
    """What the pipeline packs of one image."""
    encoded = CODEC.encode(people.numpy(), visible.numpy())
    heatmaps = [torch.from_numpy(h) for h in encoded['heatmaps']]
    masks = mask or [torch.ones(1, h, w, dtype=torch.bool) for w, h in SIZES]
    fields = dict(heatmaps=heatmaps, heatmap_mask=masks)
    indices = torch.from_numpy(encoded['keypoint_indices'])
    return SimpleNamespace(
        gt_fields=SimpleNamespace(**fields, get=fields.get),
        gt_instance_labels=SimpleNamespace(keypoint_indices=indices),
    )


@pytest.mark.parametrize('people', [[0], [1], [3, 0, 5], [200]])
def test_loss_is_the_mean_of_masked_squares_at_each_resolution(people):
    generator = torch.Generator().manual_seed(0)
    samples = []
    for count in people:
        places = torch.rand(count, K, 2, generator=generator) * torch.tensor([52, 36])
        visible = (torch.rand(count, K, generator=generator) > 0.3).float()
        masks = [torch.rand(1, h, w, generator=generator) > 0.2 for w, h in SIZES]
        samples.append(sample(places, visible, masks))
    head = HigherHRNetHead(8, K, deconv_channels=(8,), num_blocks=1)
    feats = [torch.randn(len(people), 8, 8, 12, generator=generator)]
    losses = head.loss(feats, samples)
    for level, output in enumerate(head(feats)):
        squares = [
            float((output[i, k, y, x] - s.gt_fields.heatmaps[level][k, y, x]) ** 2)
            * bool(s.gt_fields.heatmap_mask[level][0, y, x])
            for i, s in enumerate(samples)
            for k in range(K)
            for y in range(output.shape[2])
            for x in range(output.shape[3])
        ]
        mean = sum(squares) / len(squares)
        assert float(losses[f'loss_heatmap_{level}']) == pytest.approx(mean, rel=1e-5)
    assert set(losses) == {
        'loss_heatmap_0', 'loss_heatmap_1', 'loss_pull', 'loss_push'
    }  # fmt: skip
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_losses_are_float32_under_autocast():
    places = torch.tensor([[[20.0, 10.0]] * K])
    masks = [torch.ones(1, h, w, dtype=torch.bool) for w, h in SIZES]
    samples = [sample(places, torch.ones(1, K), masks)]
    head = HigherHRNetHead(8, K, deconv_channels=(8,), num_blocks=1)
    feats = [torch.randn(1, 8, 8, 12)]
    whole = head.loss(feats, samples)
    with torch.autocast('cpu', torch.bfloat16):
        mixed = head.loss(feats, samples)
    for name, loss in mixed.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, whole[name], rtol=0.02, atol=1e-6)


def test_a_wrong_number_of_keypoints_is_reported():
    head = HigherHRNetHead(8, 14, deconv_channels=(8,), num_blocks=1)
    feats = [torch.randn(1, 8, 8, 12)]
    data = [sample(torch.rand(1, K, 2), torch.ones(1, K))]
    with pytest.raises(ValueError, match=r'num_keypoints=14.*17, 8, 12.*to the keypoi'):
        head.loss(feats, data)
    with pytest.raises(ValueError, match=r'num_keypoints=14.*17 keypoints'):
        head.aggregate([(feats, feats)], (32, 48), FLIP)
    info = SimpleNamespace(metainfo=dict(batch_input_shape=(32, 48), flip_indices=FLIP))
    head = HigherHRNetHead(8, K, deconv_channels=(8,), num_blocks=1)
    with pytest.raises(ValueError, match='no decoder'):
        head.predict(feats, [info], dict(flip_test=False))
    with pytest.raises(ValueError, match='restore_heatmap_size'):
        head.predict(feats, [info], dict(restore_heatmap_size=True))


def test_instances_have_the_box_of_their_keypoints(randomised):
    codec = dict(
        type='hrnet_mm.AssociativeEmbedding',
        input_size=(64, 64),
        heatmap_sizes=[(16, 16), (32, 32)],
        threshold=0,
    )
    head = randomised(HigherHRNetHead(4, 5, deconv_channels=(4,), decoder=codec)).eval()
    info = SimpleNamespace(metainfo=dict(batch_input_shape=(64, 64)))
    (people,) = head.predict([torch.rand(1, 4, 16, 16)], [info])
    assert len(people) > 1
    for joints, box in zip(people.keypoints, people.bboxes, strict=True):
        assert [*box] == [*joints.min(axis=0), *joints.max(axis=0)]


@pytest.mark.parametrize('flip', [False, True])
@pytest.mark.parametrize('scales', [1, 3])
def test_heatmaps_are_aggregated_as_in_the_official_code(flip, scales):
    """lib/core/inference.py: get_multi_stage_outputs, aggregate_results."""
    torch.manual_seed(0)
    head = HigherHRNetHead(8, K, deconv_channels=(8,), num_blocks=1).eval()
    size = (32, 48)
    shapes = [(8, 12), (4, 6), (16, 24)][:scales]
    feats = [[(torch.randn(2, 8, *s),) for _ in range(1 + flip)] for s in shapes]

    def project(x: Tensor, to: tuple[int, int]) -> Tensor:
        return F.interpolate(x, size=to, mode='bilinear', align_corners=False)

    heat, tags = 0, []
    for number, views in enumerate(feats):
        for view, f in enumerate(views):
            first, second = head(f)
            first = project(first, second.shape[2:])
            mean = (first[:, :K] + second) / 2
            tag = first[:, K:]
            if view:
                mean, tag = mean.flip(3)[:, FLIP], tag.flip(3)[:, FLIP]
            heat = heat + project(mean, size) / len(views) / len(feats)
            if number == 0:
                tags.append(project(tag, size))
    got = head.aggregate(
        feats if flip else [views[0] for views in feats], size, FLIP if flip else None
    )
    torch.testing.assert_close(got[0], heat)
    torch.testing.assert_close(got[1], torch.stack(tags, dim=1))


def test_the_head_is_registered():
    cfg = dict(type='hrnet_mm.HigherHRNetHead', in_channels=16, num_keypoints=K)
    cfg['decoder'] = dict(
        type='hrnet_mm.AssociativeEmbedding', input_size=(64, 64),
        heatmap_sizes=[(16, 16), (32, 32)],
    )  # fmt: skip
    assert isinstance(MODELS.build(cfg).decoder, AssociativeEmbedding)
