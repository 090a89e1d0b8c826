"""Checks of a pose config before training: channels, keypoints, sizes, the codec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.runner import Runner
from torch import nn

from hrnet_mm.engine.checks import unwrap_model
from hrnet_mm.engine.optional_hook import OptionalHook
from hrnet_mm.models import HRNet, HRNetV2
from hrnet_mm.registry import HOOKS

from .heads import HeatmapHead
from .transforms import PackTopdown

# Attributes in which heads of MMPose store the number of keypoints.
CHANNEL_KEYS = ('out_channels', 'num_joints', 'num_keypoints')
SIZES = ('input_size', 'heatmap_size')  # (width, height)
STREAM_0_STRIDE = 4


@HOOKS.register_module()
class CheckCodecHook(OptionalHook):
    """Hook that checks that a top-down head, its decoder and the pipelines agree.

    Without it, a wrong number of keypoints or a wrong heatmap size fails with an error
    about tensor shapes, and a decoder with another input size than the pipeline
    misplaces every keypoint without an error.

    Raises:
        ValueError: If channels, keypoints or sizes differ, if nothing encodes the
            keypoints, or if UDP offsets (``heatmap_type='combined'``) are used with
            options for plain heatmaps.
    """

    def before_train(self, runner: Runner) -> None:
        """Check the training data, and the validation data before hours of training."""
        self._check(runner, 'train')
        if runner.val_loop is not None:
            self._check(runner, 'val')

    def before_val(self, runner: Runner) -> None:
        """Check the validation data."""
        self._check(runner, 'val')

    def before_test(self, runner: Runner) -> None:
        """Check the test data."""
        self._check(runner, 'test')

    def _check(self, runner: Runner, stage: str) -> None:
        model = unwrap_model(runner.model)
        if getattr(model, 'head', None) is None:
            return
        _check_channels(model)
        dataset = getattr(runner, f'{stage}_dataloader').dataset
        _check_keypoints(model.head, dataset)
        _check_sizes(model, dataset, f'{stage}_dataloader.dataset.pipeline')
        if stage == 'train':
            _check_target(model.head, dataset)
        if _predicts_offsets(model.head):
            _check_offset_options(model, stage)


def _check_channels(model: Any) -> None:
    expected, trunk = getattr(model.head, 'in_channels', None), model.backbone
    neck = getattr(model, 'neck', None)
    if not isinstance(trunk, HRNet) or not isinstance(expected, int):
        return
    if isinstance(neck, HRNetV2) or (neck is None and len(trunk.out_channels) == 1):
        channels = sum(trunk.out_channels)
        if channels != expected:
            raise ValueError(
                f'the trunk passes {channels} channels to {type(model.head).__name__}, '
                f'which has in_channels={expected}. Set '
                f'model.head.in_channels={channels}, or another model.backbone.arch'
            )


def _transforms(dataset: Any) -> Iterator[Any]:
    # wrappers such as CombinedDataset and RepeatDataset have data sets, no pipeline
    parts = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if hasattr(dataset, 'pipeline'):
        yield from dataset.pipeline.transforms
    else:
        for part in parts:
            yield from _transforms(part)


def _decoder(head: nn.Module) -> Any:
    return getattr(head, 'decoder', None)


def _predicts_offsets(head: nn.Module) -> bool:
    # UDP: each keypoint has a heatmap and two offset maps
    return getattr(_decoder(head), 'heatmap_type', None) == 'combined'


def _check_keypoints(head: nn.Module, dataset: Any) -> None:
    expected = dataset.metainfo['num_keypoints']
    name = type(dataset).__name__
    for transform in _transforms(dataset):
        converted = getattr(transform, 'num_keypoints', expected)
        if type(transform).__name__ == 'KeypointConverter' and converted != expected:
            raise ValueError(
                f'KeypointConverter makes {converted} keypoints, but the metainfo of '
                f'{name} describes the {expected} keypoints before conversion, and '
                'RandomFlip and the metrics use the metainfo. Wrap the data set in '
                f"type='CombinedDataset' with the metainfo of the {converted} "
                'keypoints, and keep the converter in the pipeline of its datasets'
            )
    channels = expected * (3 if _predicts_offsets(head) else 1)
    for key in CHANNEL_KEYS:
        predicted = getattr(head, key, None)
        if isinstance(predicted, int) and predicted != channels:
            raise ValueError(
                f'the data ({name}) have {expected} keypoints, but '
                f'{type(head).__name__} has {key}={predicted}. Set '
                f'model.head.{key}={channels}, or set metainfo of the data set to the '
                'keypoints of its annotations'
            )


def _check_target(head: nn.Module, dataset: Any) -> None:
    steps = {type(transform).__name__ for transform in _transforms(dataset)}
    encoded = 'GenerateTarget' in steps or isinstance(head, HeatmapHead)
    if PackTopdown.__name__ in steps and not encoded:
        raise ValueError(
            f'{type(head).__name__} needs targets, but the training pipeline has none: '
            'add dict(type="GenerateTarget", encoder=CODEC) before '
            'hrnet_mm.PackTopdown, or take hrnet_mm.HeatmapHead, which draws them'
        )


def _check_sizes(model: Any, dataset: Any, pipeline: str) -> None:
    decoder = _sizes(_decoder(model.head))
    found = {'model.head.decoder': decoder}
    for transform in _transforms(dataset):
        name = type(transform).__name__
        if name == 'TopdownAffine':
            found[f'{name} of {pipeline}'] = _sizes(transform)
        if name == 'GenerateTarget':
            found[f'{name}.encoder of {pipeline}'] = _sizes(transform.encoder)
    for key in SIZES:
        values = {owner: sizes[key] for owner, sizes in found.items() if key in sizes}
        if len(set(values.values())) > 1:
            raise ValueError(
                f'{key} is '
                + ', '.join(f'{size} in {owner}' for owner, size in values.items())
                + ': set the same (width, height) in all of them, for instance through '
                '_base_.codec, as our configs do'
            )
    if isinstance(model.backbone, HRNet) and len(decoder) == len(SIZES):
        _check_heatmap_size(model.head, **decoder)


def _check_heatmap_size(
    head: nn.Module, input_size: tuple[int, ...], heatmap_size: tuple[int, ...]
) -> None:
    upsampling = 1
    for layer in head.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            upsampling *= layer.stride[0]
    actual = tuple(-(-side // STREAM_0_STRIDE) * upsampling for side in input_size)
    if actual != heatmap_size:
        raise ValueError(
            f'the codec has heatmap_size={heatmap_size}, but the network outputs '
            f'heatmaps of {actual}, (width, height), for images of {input_size}: set '
            f'heatmap_size={actual} of the codec in model.head.decoder and '
            'GenerateTarget'
        )


def _sizes(owner: Any) -> dict[str, tuple[int, ...]]:
    values = {key: getattr(owner, key, None) for key in SIZES}
    return {
        key: tuple(map(int, size)) for key, size in values.items() if size is not None
    }


def _check_offset_options(model: Any, stage: str) -> None:
    # MMPose computes the accuracy from all channels as if they were heatmaps, and all
    # of its flip modes but udp_combined flip offset maps as heatmaps.
    needed, test_cfg = '', model.test_cfg or {}
    if stage == 'train' and (model.train_cfg or {}).get('compute_acc', True):
        needed = 'model.train_cfg=dict(compute_acc=False)'
    flip_test = stage != 'train' and test_cfg.get('flip_test')
    if flip_test and test_cfg.get('flip_mode') != 'udp_combined':
        needed = "model.test_cfg.flip_mode='udp_combined'"
    if needed:
        raise ValueError(
            "heatmap_type='combined' of the codec adds two offset maps to the heatmap "
            f'of each keypoint. Set {needed}'
        )
