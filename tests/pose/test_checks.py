"""CheckCodecHook reports a head that does not match the data before training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip('mmpose')

from mmengine.config import Config
from mmengine.registry import TRANSFORMS, init_default_scope
from mmpose.registry import MODELS

from hrnet_mm.pose import CheckCodecHook

CONFIG = Path(__file__).resolve().parents[2] / (
    'configs/pose/hrnet_w18_small_v1_tiny-pose.py'
)


@pytest.fixture
def cfg() -> Config:
    return Config.fromfile(str(CONFIG))


def loader(cfg, stage: str, keypoints: int) -> SimpleNamespace:
    pipeline = cfg[f'{stage}_dataloader'].dataset.pipeline
    steps = [TRANSFORMS.build(step) for step in pipeline]
    data = SimpleNamespace(
        metainfo=dict(num_keypoints=keypoints),
        pipeline=SimpleNamespace(transforms=steps),
    )
    return SimpleNamespace(
        dataset=SimpleNamespace(dataset=data, metainfo=data.metainfo)
    )


def check(cfg, keypoints: int = 17) -> None:
    """Run the checks of training and of testing."""
    init_default_scope('mmpose')
    runner = SimpleNamespace(
        model=MODELS.build(cfg.model),
        val_loop=True,
        **{
            f'{s}_dataloader': loader(cfg, s, keypoints)
            for s in ('train', 'val', 'test')
        },
    )
    hook = CheckCodecHook()
    hook.before_test(runner)
    hook.before_train(runner)


def set_input_size(cfg, size, stages=('train', 'val', 'test')) -> None:
    """Change the size of the crops."""
    for stage in stages:
        for step in cfg[f'{stage}_dataloader'].dataset.pipeline:
            if step.type == 'TopdownAffine':
                step.input_size = size


def test_keypoints_are_those_of_the_data(cfg):
    check(cfg)
    with pytest.raises(
        ValueError, match=r'have 12 keypoints.*model.head.out_channels=12'
    ):
        check(cfg, keypoints=12)


@pytest.mark.parametrize('all_streams', [False, True])
def test_the_channels_are_those_of_the_trunk(cfg, all_streams):
    channels = 16  # C of w18_small_v1
    if all_streams:
        channels = 16 + 32 + 64 + 128
        cfg.model.backbone.multiscale_output = True
        cfg.model.neck = dict(type='hrnet_mm.HRNetV2')
    cfg.model.head.in_channels = 18
    with pytest.raises(ValueError, match=rf'Set model.head.in_channels={channels},'):
        check(cfg)
    cfg.model.head.in_channels = channels
    check(cfg)


def test_a_converter_needs_the_metainfo_of_its_output(cfg):
    step = dict(type='KeypointConverter', num_keypoints=2, mapping=[(0, 0), (1, 1)])
    cfg.val_dataloader.dataset.pipeline.insert(1, step)
    with pytest.raises(ValueError, match=r'makes 2 keypoints.*CombinedDataset'):
        check(cfg)


def test_the_codec_has_the_heatmap_size_of_the_network(cfg):
    cfg.model.head.decoder.heatmap_size = (48, 64)
    with pytest.raises(ValueError, match=r'outputs heatmaps of \(24, 32\)'):
        check(cfg)
    cfg.model.head.deconv_out_channels = (8,)  # twice as large
    cfg.model.head.deconv_kernel_sizes = (4,)
    check(cfg)


def test_a_size_that_32_does_not_divide(cfg):
    sizes = dict(input_size=(97, 130), heatmap_size=(25, 33))
    set_input_size(cfg, sizes['input_size'])
    cfg.model.head.decoder.update(sizes)
    check(cfg)


@pytest.mark.parametrize('forgotten', ['decoder', 'val'])
def test_a_size_that_was_changed_in_one_place_is_named(cfg, forgotten):
    sizes = dict(input_size=(192, 256), heatmap_size=(48, 64))
    stages = ('train', 'test') if forgotten == 'val' else ('train', 'val', 'test')
    set_input_size(cfg, sizes['input_size'], stages)
    if forgotten != 'decoder':
        cfg.model.head.decoder.update(sizes)
    with pytest.raises(
        ValueError, match=r'input_size is .*\(96, 128\) in .*' + forgotten
    ):
        check(cfg)


def test_a_codec_of_the_pipeline_is_checked(cfg):
    target = dict(type='GenerateTarget', encoder=dict(cfg.codec, heatmap_size=(9, 9)))
    cfg.train_dataloader.dataset.pipeline.insert(-1, target)
    with pytest.raises(
        ValueError, match=r'\(9, 9\) in GenerateTarget.encoder of train'
    ):
        check(cfg)


def test_keypoints_that_nothing_encodes_are_reported(cfg):
    cfg.model.head.type = 'HeatmapHead'
    with pytest.raises(ValueError, match=r'HeatmapHead needs targets.*GenerateTarget'):
        check(cfg)
    target = dict(type='GenerateTarget', encoder=cfg.codec)
    cfg.train_dataloader.dataset.pipeline.insert(-1, target)
    check(cfg)


def test_udp_offsets_need_three_channels_per_keypoint(cfg):
    codec = dict(
        type='UDPHeatmap', heatmap_type='combined', sigma=2,
        input_size=(96, 128), heatmap_size=(24, 32),
    )  # fmt: skip
    target = dict(type='GenerateTarget', encoder=codec)
    cfg.train_dataloader.dataset.pipeline.insert(-1, target)
    cfg.model.head.decoder = codec
    with pytest.raises(ValueError, match=r'model\.head\.out_channels=51'):
        check(cfg)
    cfg.model.head.out_channels = 51
    with pytest.raises(ValueError, match='compute_acc=False'):
        check(cfg)
    cfg.model.train_cfg = dict(compute_acc=False)
    check(cfg)
    cfg.model.test_cfg.flip_test = True
    with pytest.raises(ValueError, match="flip_mode='udp_combined'"):
        check(cfg)
    cfg.model.test_cfg.flip_mode = 'udp_combined'
    check(cfg)
