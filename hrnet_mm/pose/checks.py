"""What must fit before a pose job begins: keypoints, sizes, and how both are coded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.runner import Runner
from torch import nn

from hrnet_mm.engine.checks import unwrap_model
from hrnet_mm.engine.optional_hook import OptionalHook
from hrnet_mm.models import HRNet
from hrnet_mm.registry import HOOKS

# What heads of MMPose call the number of keypoints that they predict.
NUMBERS = ('out_channels', 'num_joints', 'num_keypoints')
SIZES = ('input_size', 'heatmap_size')  # (width, height)
STREAM_0 = 4  # pixels of the image for one of stream 0


@HOOKS.register_module()
class CheckCodecHook(OptionalHook):
    """The head of a top-down model, its decoder and the pipelines agree.

    Without it a head of other keypoints than the data, or of heatmaps of another size,
    stops at shapes of tensors; a decoder of another size than the images places every
    keypoint wrongly, without a word.

    Raises:
        ValueError: if keypoints or sizes differ; or if offsets of UDP
            (``heatmap_type='combined'``) meet options for heatmaps alone.
    """

    def before_train(self, runner: Runner) -> None:
        """The training data, and what the first validation would stop at."""
        self.check(runner, 'train')
        if runner.val_loop is not None:
            self.check(runner, 'val')

    def before_val(self, runner: Runner) -> None:
        """The validation data."""
        self.check(runner, 'val')

    def before_test(self, runner: Runner) -> None:
        """The test data."""
        self.check(runner, 'test')

    def check(self, runner: Runner, stage: str) -> None:
        """Compare the model with the data of a stage."""
        model = unwrap_model(runner.model)
        if getattr(model, 'head', None) is None:
            return
        dataset = getattr(runner, f'{stage}_dataloader').dataset
        check_keypoints(model.head, dataset)
        check_sizes(model, dataset, f'{stage}_dataloader.dataset.pipeline')
        if has_offsets(model.head):
            check_offsets(model, stage)


def transforms_of(dataset: Any) -> Iterator[Any]:
    """The steps of a data set, or of the parts of one that only joins or repeats."""
    parts = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if hasattr(dataset, 'pipeline'):
        yield from dataset.pipeline.transforms
    else:
        for part in parts:
            yield from transforms_of(part)


def decoder_of(head: nn.Module) -> Any:
    """The codec of a head; None if it has none, and cannot predict."""
    return getattr(head, 'decoder', None)


def has_offsets(head: nn.Module) -> bool:
    """Whether each keypoint has a heatmap and two maps of offsets (UDP)."""
    return getattr(decoder_of(head), 'heatmap_type', None) == 'combined'


def check_keypoints(head: nn.Module, dataset: Any) -> None:
    """The head predicts the keypoints that the metainfo of the data describes."""
    described = dataset.metainfo['num_keypoints']
    name = type(dataset).__name__
    for step in transforms_of(dataset):
        made = getattr(step, 'num_keypoints', described)
        if type(step).__name__ == 'KeypointConverter' and made != described:
            raise ValueError(
                f'KeypointConverter makes {made} keypoints, and the metainfo of {name} '
                f'describes the {described} before it, which RandomFlip and metrics go '
                f"by. Wrap the data set in type='CombinedDataset' with the metainfo of "
                f'the {made}, and leave the converter in the pipeline of its datasets'
            )
    maps = 3 if has_offsets(head) else 1
    for key in NUMBERS:
        predicted = getattr(head, key, None)
        if isinstance(predicted, int) and predicted != maps * described:
            raise ValueError(
                f'the data ({name}) have {described} keypoints, and '
                f'{type(head).__name__} has {key}={predicted}. Set '
                f'model.head.{key}={maps * described}, or metainfo of the data set to '
                'the keypoints of its annotations'
            )


def check_sizes(model: Any, dataset: Any, pipeline: str) -> None:
    """Images and heatmaps have one size in the pipeline, the decoder, the network."""
    decoder = sizes_of(decoder_of(model.head))
    told = {'model.head.decoder': decoder}
    for step in transforms_of(dataset):
        name = type(step).__name__
        if name == 'TopdownAffine':
            told[f'{name} of {pipeline}'] = sizes_of(step)
        if name == 'GenerateTarget':
            told[f'{name}.encoder of {pipeline}'] = sizes_of(step.encoder)
    for key in SIZES:
        values = {place: sizes[key] for place, sizes in told.items() if key in sizes}
        if len(set(values.values())) > 1:
            raise ValueError(
                f'{key} is '
                + ', '.join(f'{size} in {place}' for place, size in values.items())
                + ': set it to one value in all of them, (width, height), as '
                '_base_.codec of our configs does'
            )
    if isinstance(model.backbone, HRNet) and len(decoder) == len(SIZES):
        check_heat_maps(model.head, **decoder)


def check_heat_maps(
    head: nn.Module, input_size: tuple[int, ...], heatmap_size: tuple[int, ...]
) -> None:
    """The codec is of heatmaps as large as those of the network."""
    up = 1
    for layer in head.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            up *= layer.stride[0]
    put_out = tuple(-(-side // STREAM_0) * up for side in input_size)
    if put_out != heatmap_size:
        raise ValueError(
            f'heatmap_size={heatmap_size} of the codec, and the network outputs '
            f'heatmaps of {put_out}, (width, height), for images of {input_size}: set '
            f'heatmap_size={put_out} of the codec in model.head.decoder and '
            'GenerateTarget'
        )


def sizes_of(codec: Any) -> dict[str, tuple[int, ...]]:
    """The sizes, (width, height), that a codec or a step is for."""
    given = {key: getattr(codec, key, None) for key in SIZES}
    return {
        key: tuple(map(int, size)) for key, size in given.items() if size is not None
    }


def check_offsets(model: Any, stage: str) -> None:
    """MMPose's accuracy takes all maps for heatmaps, and so do most mirrors."""
    needed, test_cfg = '', model.test_cfg or {}
    if stage == 'train' and (model.train_cfg or {}).get('compute_acc', True):
        needed = 'model.train_cfg=dict(compute_acc=False)'
    mirrors = stage != 'train' and test_cfg.get('flip_test')
    if mirrors and test_cfg.get('flip_mode') != 'udp_combined':
        needed = "model.test_cfg.flip_mode='udp_combined'"
    if needed:
        raise ValueError(
            "heatmap_type='combined' of the codec makes two maps of offsets for each "
            f'keypoint beside its heatmap. Set {needed}'
        )
