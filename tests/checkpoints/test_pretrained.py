"""``init_cfg=dict(type='hrnet_mm.Pretrained', ...)``."""

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.model import KaimingInit, PretrainedInit
from mmengine.registry import MODELS

from hrnet_mm import HRNet, HRNetC, HRNetV2p
from hrnet_mm.checkpoints import CheckpointError
from hrnet_mm.checkpoints.pretrained import Pretrained


@pytest.fixture
def said(caplog):
    """What was logged."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield lambda: caplog.text
    logger.removeHandler(caplog.handler)


@pytest.fixture
def classifier(tmp_path, randomised):
    """A file as the classification runner writes it, and what is in it."""
    trunk = randomised(HRNet('w18_small_v1'))
    neck = randomised(HRNetC(trunk.out_channels), seed=1)
    parts = {'backbone': trunk, 'neck.0': neck, 'head.fc': torch.nn.Linear(2048, 6)}
    state = {
        f'{prefix}.{name}': value
        for prefix, part in parts.items()
        for name, value in part.state_dict().items()
    }
    torch.save(dict(meta=dict(epoch=3), state_dict=state), tmp_path / 'epoch_3.pth')
    return str(tmp_path / 'epoch_3.pth'), trunk, neck


def build(checkpoint, type='hrnet_mm.HRNet', **kwargs):
    init_cfg = dict(type='hrnet_mm.Pretrained', checkpoint=checkpoint)
    module = MODELS.build(dict(type=type, init_cfg=init_cfg, **kwargs))
    module.init_weights()
    return module


def is_part_of(module, whole):
    state = whole.state_dict()
    return all(torch.equal(v, state[k]) for k, v in module.state_dict().items())


def test_a_classifier_initialises_a_trunk(classifier, said):
    checkpoint, trunk, _ = classifier
    ours = build(checkpoint, arch='w18_small_v1')
    assert is_part_of(ours, trunk)
    tensors = len(trunk.state_dict())
    assert f'trunk {tensors}/{tensors} tensors; ignored: head (2), neck (' in said()


def test_pose_leaves_out_the_lower_streams(classifier, said):
    checkpoint, trunk, _ = classifier
    ours = build(checkpoint, arch='w18_small_v1', multiscale_output=False)
    assert is_part_of(ours, trunk)
    assert 'of the lower streams; ignored: head' in said()


def test_a_pose_trunk_initialises_one_with_all_streams(tmp_path, randomised, said):
    trunk = randomised(HRNet('w18_small_v1', multiscale_output=False))
    torch.save(trunk.state_dict(), tmp_path / 'pose.pth')
    ours = build(str(tmp_path / 'pose.pth'), arch='w18_small_v1')
    assert is_part_of(trunk, ours)
    assert 'new: ' in said()


def test_the_layers_of_a_neck_are_not_initialised_anew(classifier):
    """mmcv's ConvModule has an ``init_weights`` of its own."""
    checkpoint, trunk, neck = classifier
    ours = build(checkpoint, 'hrnet_mm.HRNetC', in_channels=trunk.out_channels)
    assert is_part_of(ours, neck)


def test_a_model_of_ddp_and_a_given_prefix(classifier, tmp_path):
    checkpoint, trunk, _ = classifier
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    path = tmp_path / 'ddp.pth'
    torch.save({f'module.{k}': v for k, v in state.items()}, path)
    ours = HRNet(
        'w18_small_v1',
        init_cfg=dict(
            type='hrnet_mm.Pretrained', checkpoint=str(path), prefix='backbone.'
        ),
    )
    ours.init_weights()
    assert is_part_of(ours, trunk)


@pytest.mark.parametrize(('there', 'wanted'), [('w18', 'w18_small_v2'), ('w18', 'w30')])
def test_another_arch_is_named(there, wanted, tmp_path):
    """Every tensor of w18_small_v2 is in w18, with the same shape."""
    torch.save(HRNet(there).state_dict(), tmp_path / 'imagenet.pth')
    with pytest.raises(CheckpointError, match='does not fit trunk') as e:
        build(str(tmp_path / 'imagenet.pth'), arch=wanted)
    assert 'imagenet.pth: ' in str(e.value)
    assert f"The file holds the trunk '{there}'" in str(e.value)


def test_a_trunk_inside_another_model_is_found(classifier, tmp_path):
    _, trunk, _ = classifier
    state = {f'encoder.{name}': value for name, value in trunk.state_dict().items()}
    torch.save({**state, 'decoder.weight': torch.ones(1)}, tmp_path / 'unet.pth')
    with pytest.raises(CheckpointError, match=r"init_cfg\.prefix='encoder\.' loads it"):
        build(str(tmp_path / 'unet.pth'), arch='w18_small_v1')
    init_cfg = dict(
        type='hrnet_mm.Pretrained', checkpoint=str(tmp_path / 'unet.pth'), prefix='enc.'
    )
    with pytest.raises(CheckpointError, match=r"'enc\.', but with 'encoder\.', 'decod"):
        HRNet('w18_small_v1', init_cfg=init_cfg).init_weights()


def test_a_file_without_a_trunk_is_refused(tmp_path):
    torch.save({'epoch': torch.tensor(3)}, tmp_path / 'epoch.pth')
    with pytest.raises(CheckpointError, match='is no HRNet'):
        build(str(tmp_path / 'epoch.pth'), arch='w18_small_v1')


def test_numbers_that_are_none_are_refused(classifier, tmp_path):
    _, trunk, _ = classifier
    state = trunk.state_dict()
    state['conv1.weight'][0] = float('nan')
    torch.save(state, tmp_path / 'diverged.pth')
    with pytest.raises(CheckpointError, match=r'conv1\.weight is not finite'):
        build(str(tmp_path / 'diverged.pth'), arch='w18_small_v1')


def test_the_stock_initializer_of_a_trunk_loads_all_or_refuses(classifier):
    """MMEngine's own logs what did not fit, and the trunk trains from noise."""
    checkpoint, trunk, _ = classifier
    stock = dict(type='Pretrained', checkpoint=checkpoint, map_location='cpu')
    ours = HRNet('w18_small_v1', init_cfg=stock)
    ours.init_weights()
    assert torch.equal(ours.conv1.weight, trunk.conv1.weight)
    with pytest.raises(CheckpointError, match='w18'):
        HRNet('w32', init_cfg=stock).init_weights()


def test_nothing_may_overwrite_what_was_loaded(classifier):
    checkpoint, *_ = classifier
    pretrained = dict(type='hrnet_mm.Pretrained', checkpoint=checkpoint)
    later = dict(type='Kaiming', layer='Conv2d')
    trunk = HRNet('w18_small_v1', init_cfg=[pretrained, later])
    with pytest.raises(ValueError, match='put it last'):
        trunk.init_weights()


@pytest.mark.parametrize('channels', [1, 4, 6])
def test_a_stem_is_inflated_if_asked(channels, classifier, randomised):
    """A gray image three times over gives what the colour filters gave."""
    checkpoint, trunk, _ = classifier
    init_cfg = dict(type='hrnet_mm.Pretrained', checkpoint=checkpoint)
    kwargs = dict(arch='w18_small_v1', in_channels=channels)
    with pytest.raises(CheckpointError, match='inflate_stem=True adapts the stem'):
        HRNet(**kwargs, init_cfg=init_cfg).init_weights()
    ours = HRNet(**kwargs, init_cfg=dict(init_cfg, inflate_stem=True))
    ours.init_weights()
    assert ours.conv1.weight.shape[1] == channels
    if channels == 6:
        gray = torch.rand(1, 1, 32, 32)
        got = ours.conv1(gray.expand(-1, 6, -1, -1))
        torch.testing.assert_close(got, trunk.conv1(gray.expand(-1, 3, -1, -1)))
    elif channels == 4:
        weight = trunk.conv1.weight[:, [0, 1, 2, 0]] * 3 / 4
        torch.testing.assert_close(ours.conv1.weight, weight)


def test_another_interpolation_is_a_warning(classifier, said):
    checkpoint, *_ = classifier
    build(checkpoint, arch='w18_small_v1')
    assert 'was trained with' not in said()
    bilinear = dict(mode='bilinear', align_corners=False)
    build(checkpoint, arch='w18_small_v1', upsample_cfg=bilinear)
    assert "was trained with upsample_cfg={'mode': 'nearest'}, but this trunk" in said()


def test_the_config_of_a_job_says_how_it_upsampled(classifier, tmp_path, said):
    """mmengine stores the text of the config in each checkpoint."""
    checkpoint, *_ = classifier
    content = torch.load(checkpoint, weights_only=True)
    cfg = "backbone=dict(upsample_cfg=dict(align_corners=True, mode='bilinear'))"
    content['meta'] = dict(cfg=cfg)
    torch.save(content, tmp_path / 'job.pth')
    build(str(tmp_path / 'job.pth'), arch='w18_small_v1')
    assert "upsample_cfg={'mode': 'bilinear', 'align_corners': True}" in said()


def test_the_type_of_an_initializer_may_be_a_class(tmp_path):
    """Configs of mmengine's lazy style name classes, not strings."""
    wanted = HRNet('w18_small_v1')
    torch.save(wanted.state_dict(), tmp_path / 'x.pth')
    for kind in (PretrainedInit, Pretrained, 'mmengine.model.PretrainedInit'):
        init_cfg = dict(type=kind, checkpoint=str(tmp_path / 'x.pth'))
        trunk = HRNet('w18_small_v1', init_cfg=init_cfg)
        trunk.init_weights()
        assert torch.equal(trunk.conv1.weight, wanted.conv1.weight)
        with pytest.raises(CheckpointError, match='w18_small_v1'):
            HRNet('w18', init_cfg=init_cfg).init_weights()
    HRNet(
        'w18_small_v1', init_cfg=dict(type=KaimingInit, layer='Conv2d')
    ).init_weights()


@pytest.mark.parametrize('neck', [HRNetC, HRNetV2p])
def test_a_neck_refuses_the_file_of_a_trunk(neck, tmp_path):
    torch.save(HRNet('w18_small_v1').state_dict(), tmp_path / 'x.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'))
    with pytest.raises(CheckpointError):
        neck([16, 32, 64, 128], init_cfg=init_cfg).init_weights()
