"""The trunk computes what the HRNet of each OpenMMLab library computes."""

from __future__ import annotations

import pytest
import torch

from hrnet_mm.models import ARCHS, HRNet

BILINEAR = dict(mode='bilinear', align_corners=False)
LIBRARIES = {  # how each library says what HRNet(upsample_cfg=...) says
    'mmpose': dict(mode='nearest'),
    'mmseg': BILINEAR,
    'mmdet': dict(mode='nearest'),
    'mmpretrain': dict(mode='nearest'),
}
NAMES = [arch for arch in ARCHS if arch != 'w18s']
TOLERANCE = 1e-5  # of the largest value


def upstream(library: str, extra: dict, **changes) -> torch.nn.Module:
    module = pytest.importorskip(
        f'{library}.models.backbones.hrnet', reason=f'{library} is not installed'
    )
    kwargs: dict = dict(norm_eval=False)
    if library == 'mmpose':
        extra['stage4']['multiscale_output'] = True
        extra.update(changes)
    else:
        kwargs.update(changes)
    return module.HRNet(extra=extra, **kwargs)


def relative_difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return ((a - b).abs().max() / b.abs().max()).item()


def assert_same_function(ours, theirs, size=(64, 64)) -> None:
    x = torch.rand(2, 3, *size)
    results = []
    for model in (ours, theirs):
        streams = model(x)
        weights = [torch.linspace(-1, 1, y.numel()).view_as(y) for y in streams]
        loss = sum((y * w).mean() for y, w in zip(streams, weights, strict=True))
        loss.backward()
        results.append((streams, dict(model.named_parameters())))
    (streams, parameters), (their_streams, their_parameters) = results
    for y, their_y in zip(streams, their_streams, strict=True):
        assert relative_difference(y, their_y) <= TOLERANCE
    largest = max(p.grad.abs().max() for p in their_parameters.values())
    for name, p in their_parameters.items():
        difference = (parameters[name].grad - p.grad).abs().max()
        assert difference <= TOLERANCE * largest, name


@pytest.mark.parametrize('arch', NAMES)
@pytest.mark.parametrize('library', LIBRARIES)
def test_names_and_shapes_are_equal(library, arch, extra_of):
    with torch.device('meta'):
        theirs = upstream(library, extra_of(arch)).state_dict()
        ours = HRNet(arch, upsample_cfg=LIBRARIES[library]).state_dict()
    assert [(k, v.shape) for k, v in ours.items()] == [
        (k, v.shape) for k, v in theirs.items()
    ]


# one block, one module and both kinds of stage: the others are wider or deeper
@pytest.mark.parametrize('arch', ['w18_small_v1', 'w18_small_v2', 'w18'])
@pytest.mark.parametrize('library', LIBRARIES)
def test_outputs_and_gradients_are_equal(library, arch, randomised, extra_of):
    theirs = randomised(upstream(library, extra_of(arch)))
    ours = HRNet(arch, upsample_cfg=LIBRARIES[library])
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    for model in (ours, theirs):
        model.train(False)  # the randomised statistics count
    assert_same_function(ours, theirs)


@pytest.mark.parametrize('library', LIBRARIES)
def test_a_training_step_is_equal(library, randomised, extra_of):
    arch = 'w18_small_v1'
    theirs = randomised(upstream(library, extra_of(arch)))
    ours = HRNet(arch, upsample_cfg=LIBRARIES[library])
    ours.load_state_dict(theirs.state_dict())
    for model in (ours, theirs):
        model.train(True)
    assert_same_function(ours, theirs)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)


def test_bilinear_pose_trunks_are_equal(randomised, extra_of):
    """The face and hand models of MMPose: ``extra['upsample']``."""
    theirs = randomised(upstream('mmpose', extra_of('w18_small_v2'), upsample=BILINEAR))
    ours = HRNet('w18_small_v2', upsample_cfg=BILINEAR)
    ours.load_state_dict(theirs.state_dict())
    for model in (ours, theirs):
        model.train(False)
    assert_same_function(ours, theirs)


def test_v1_is_what_mmpose_builds_by_default(randomised, extra_of):
    module = pytest.importorskip('mmpose.models.backbones.hrnet')
    theirs = randomised(module.HRNet(extra=extra_of('w18_small_v1')))
    ours = HRNet('w18_small_v1', multiscale_output=False)
    ours.load_state_dict(theirs.state_dict())
    for model in (ours, theirs):
        model.train(False)
    assert_same_function(ours, theirs)


def test_v2_is_the_concatenation_of_mmpose(randomised):
    from hrnet_mm.models import HRNetV2

    necks = pytest.importorskip('mmpose.models.necks')
    streams = tuple(torch.rand(2, 4 * 2**b, 16 >> b, 24 >> b) for b in range(4))
    (theirs,) = necks.FeatureMapProcessor(concat=True)(streams)
    assert torch.equal(HRNetV2()(streams)[0], theirs)
