"""Chooses batch, schedule and image size from the data and the machine."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .bases import Base
from .machine import Machine

# Training steps that a small data set needs, by the folder of the task: from scratch
# with a tiny config (as many as on TinyPeople), and from pretrained weights.
STEPS = {
    'pose': (580, 5000),
    'seg': (750, 8000),
    'det': (1000, 6000),
    'cls': (240, 4000),
}
MAX_EPOCHS = 500
MIN_EPOCHS = {True: 1, False: 12}  # by whether the base is tiny
LAPTOP_SIDE = 512  # of images for a tiny config
WANTED_OBJECT = 48  # side of the median object for a detector, in pixels
# bytes for each activation of the forward pass, with its gradient and what is temporary
BYTES = 8


@dataclass(frozen=True)
class Facts:
    """What is known about the data.

    Args:
        samples: The number of training samples of an epoch.
        unit: What a sample is, in the plural.
        size: The median width and height of an image in pixels.
        one_size: Whether all images have this size.
        objects: The sides of all training objects in pixels (square root of the area of
            the box), sorted; empty if the task has no objects.
    """

    samples: int
    unit: str
    size: tuple[int, int]
    one_size: bool
    objects: tuple[float, ...] = ()

    def object_side(self, share: float) -> float:
        """Return the side below which a share of the objects is."""
        return self.objects[min(int(share * len(self.objects)), len(self.objects) - 1)]


@dataclass
class Plan:
    """Settings of the new config, with the reason of each.

    Attributes:
        settings: Assignments of the config.
        choices: Rows of the table: setting, value, why.
        batch: The chosen batch.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    choices: list[tuple[str, str, str]] = field(default_factory=list)
    batch: int = 0

    def say(self, setting: str, value: object, why: str) -> None:
        """Add a row to the table."""
        self.choices.append((setting, str(value), why))


def choose_batch(
    plan: Plan,
    base: Base,
    facts: Facts,
    machine: Machine,
    count_activations: Callable[[], int],
) -> None:
    """Choose batch and workers.

    Args:
        plan: The plan to add to.
        base: The base config.
        facts: The data.
        machine: The machine.
        count_activations: A function that counts the activations of one image.
    """
    given = base.config.train_dataloader.batch_size
    batch, why = given, 'as in the base'
    if machine.memory:
        fits = int(0.8 * machine.memory / (BYTES * count_activations()))
        if fits < batch:
            batch = 2 ** int(math.log2(max(fits, 1)))
            why = f'the largest power of two that fits into {machine.label}'
    elif not base.is_tiny and batch > 4:
        batch, why = 4, f'{machine.label}: this network is for a GPU, and slow here'
    if batch > max(facts.samples // 4, 1):
        batch = max(facts.samples // 4, 1)
        why = f'at least four steps in an epoch of {facts.samples} {facts.unit}'
    plan.batch = batch
    loader = {}
    if batch != given:
        loader['batch_size'] = batch
    workers = base.config.train_dataloader.num_workers
    wanted = min(workers, max(machine.cores - 1, 0))
    if wanted != workers:
        loader.update(num_workers=wanted, persistent_workers=wanted > 0)
        plan.say('workers', wanted, f'{machine.cores} CPU cores')
    plan.settings['train_dataloader'] = loader
    plan.say('batch', batch, why)


def choose_schedule(plan: Plan, base: Base, facts: Facts, task: str) -> None:
    """Choose the number of epochs and the learning rate."""
    cfg = base.config
    steps = max(facts.samples // plan.batch, 1)
    wanted = STEPS[task][0 if base.is_tiny else 1]
    given = cfg.train_cfg.max_epochs
    epochs = max(round(wanted / steps), min(MIN_EPOCHS[base.is_tiny], given))
    epochs = min(epochs, MAX_EPOCHS)
    why = f'{steps} steps each; about {wanted} steps in all are enough'
    if epochs == MAX_EPOCHS or epochs * steps > 1.5 * wanted:
        why = f'{steps} steps each, {epochs * steps} in all'
    plan.say('epochs', epochs, why)
    if epochs != given:
        interval = max(epochs // 10, 1)
        plan.settings['train_cfg'] = dict(max_epochs=epochs, val_interval=interval)
        plan.settings['default_hooks'] = dict(checkpoint=dict(interval=interval))
        plan.say('validation', f'every {interval} epochs', 'about ten in all')
    schedulers = [
        _rescaled(dict(it), given, epochs, steps) for it in cfg.param_scheduler
    ]
    if schedulers != [dict(it) for it in cfg.param_scheduler]:
        plan.settings['param_scheduler'] = schedulers
    _choose_rate(plan, cfg)


def _rescaled(it: dict[str, Any], old: int, new: int, steps: int) -> dict[str, Any]:
    if it.get('by_epoch') is False:
        return dict(it, end=min(it['end'], max(new * steps // 10, 1)))
    for name in ('end', 'T_max'):
        if name in it:
            it[name] = new
    if 'milestones' in it:
        it['milestones'] = [max(round(m * new / old), 1) for m in it['milestones']]
    return it


def _choose_rate(plan: Plan, cfg: Any) -> None:
    rate, usual = cfg.optim_wrapper.optimizer.lr, cfg.auto_scale_lr.base_batch_size
    if plan.batch == usual:
        plan.say('learning rate', rate, f'that of the base, for a batch of {usual}')
        return
    # the steps of Adam do not shrink with the noise of a small batch as those of SGD do
    adaptive = 'Adam' in str(cfg.optim_wrapper.optimizer.type)
    ratio = (plan.batch / usual) ** (0.5 if adaptive else 1)
    scaled = float(f'{rate * ratio:.3g}')
    plan.settings['optim_wrapper'] = dict(optimizer=dict(lr=scaled))
    # for --auto-scale-lr on several GPUs: it starts from the rate above
    plan.settings['auto_scale_lr'] = dict(base_batch_size=plan.batch)
    plan.say(
        'learning rate',
        scaled,
        f'{rate} for a batch of {usual}, in proportion to the '
        f'{"square root of the " if adaptive else ""}batch of {plan.batch}',
    )


def _steps(pipeline: Any) -> list[dict[str, Any]]:
    return [
        step.to_dict() if hasattr(step, 'to_dict') else dict(step) for step in pipeline
    ]


def choose_detection_size(plan: Plan, base: Base, facts: Facts) -> float:
    """Choose the image size of a detector; return the scale from the images."""
    cfg, (width, height) = base.config, facts.size
    train = _steps(cfg.train_dataloader.dataset.pipeline)
    test = _steps(cfg.val_dataloader.dataset.pipeline)
    long, short = max(facts.size), min(facts.size)
    resize = next((s for s in train if s['type'] == 'Resize'), None)
    if not base.is_tiny and resize is None:
        plan.say('image size', 'as in the base', 'it trains at several scales')
        return 1.0
    if resize is None:
        factor = min(LAPTOP_SIDE / long, 1.0)
        if factor == 1 and facts.one_size:
            plan.say('image size', f'{width} x {height}', 'that of the images')
            return 1.0
        limits = factor
    else:
        limits = min(max(resize['scale']) / long, min(resize['scale']) / short)
        factor = min(limits, max(WANTED_OBJECT / facts.object_side(0.5), 1.0))
    if resize and factor > 0.9 * limits:
        plan.say(
            'image size', f'{resize["scale"]}', 'that of the base: objects stay large'
        )
        return limits
    scale = (round(long * factor), round(short * factor))
    new = dict(type='Resize', scale=scale, keep_ratio=True)
    plan.settings['train_pipeline'] = _with_resize(train, new)
    plan.settings['test_pipeline'] = _with_resize(test, new)
    side = facts.object_side(0.5) * factor
    plan.say(
        'image size',
        f'{scale[0]} x {scale[1]}',
        f'{factor:.2f} of the median image: the median object has a side of {side:.0f} '
        'pixels',
    )
    return factor


def _with_resize(
    pipeline: list[dict[str, Any]], new: dict[str, Any]
) -> list[dict[str, Any]]:
    if any(step['type'] == 'Resize' for step in pipeline):
        return [new if step['type'] == 'Resize' else step for step in pipeline]
    steps = []
    for step in pipeline:
        steps += [step, new] if step['type'] == 'hrnet_mm.LoadObjects' else [step]
    return steps


def choose_anchors(plan: Plan, base: Base, facts: Facts, factor: float) -> None:
    """Choose smaller anchors if many objects are smaller than the smallest."""
    rpn = base.config.model.get('rpn_head')
    if not rpn:
        return
    generator = rpn.anchor_generator
    scale, stride = generator.scales[0], min(generator.strides)
    smallest, largest = scale * stride, scale * max(generator.strides)
    small, large = facts.object_side(0.1) * factor, facts.object_side(0.99) * factor
    if small >= smallest / 2:
        plan.say(
            'anchors', f'from {smallest} pixels', f'objects from {small:.0f} pixels'
        )
        return
    new = max(2 ** round(math.log2(max(small, 1) / stride)), 1)
    scales = [new] if large <= 2 * new * max(generator.strides) else [new, scale]
    plan.settings.setdefault('model', {})['rpn_head'] = dict(
        anchor_generator=dict(scales=scales)
    )
    plan.say(
        'anchors',
        f'from {new * stride} pixels',
        f'a tenth of the objects are below {small:.0f} pixels; those of the base are '
        f'from {smallest} to {largest}',
    )


def choose_crop(plan: Plan, base: Base, facts: Facts) -> None:
    """Choose the crop of segmentation."""
    cfg = base.config
    pipeline = _steps(cfg.train_dataloader.dataset.pipeline)
    crops = [step for step in pipeline if 'RandomCrop' in step['type']]
    given = tuple(cfg.model.data_preprocessor.size)
    if base.is_tiny and facts.one_size and max(facts.size) <= LAPTOP_SIDE:
        crop, why = facts.size[::-1], 'whole images'
    else:
        limit = (LAPTOP_SIDE, LAPTOP_SIDE) if base.is_tiny else given
        crop = tuple(min(a, b) for a, b in zip(limit, facts.size[::-1], strict=True))
        why = f'at most the median image, and {limit[1]} x {limit[0]} of the base'
    scaled = any(
        step['type'] == 'Resize' for step in cfg.val_dataloader.dataset.pipeline
    )
    if scaled:
        plan.say('crop', f'{given[1]} x {given[0]}', 'that of the base, which resizes')
        return
    new = [_cropped(step, crop, facts.size) for step in pipeline]
    if base.is_tiny and not crops and why != 'whole images':
        new = _with_crop(new, crop)
    plan.say('crop', f'{crop[1]} x {crop[0]}', why)
    if new != pipeline:
        plan.settings['train_pipeline'] = new
    if crop != given:
        preprocessor = dict(data_preprocessor=dict(size=crop))
        plan.settings.setdefault('model', {}).update(preprocessor)


def _cropped(
    step: dict[str, Any], crop: tuple[int, ...], size: tuple[int, int]
) -> dict[str, Any]:
    if 'RandomCrop' in step['type']:
        return dict(step, crop_size=crop)
    if step['type'] == 'RandomResize':  # around the size that is tested
        return dict(step, scale=size)
    return step


def _with_crop(
    pipeline: list[dict[str, Any]], crop: tuple[int, ...]
) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for step in pipeline:
        steps += [step]
        if step['type'] == 'hrnet_mm.CheckLabels':
            steps += [dict(type='RandomCrop', crop_size=crop)]
    return steps


def choose_classification_size(plan: Plan, base: Base, facts: Facts) -> None:
    """Choose the image size of a classifier."""
    cfg = base.config
    train = _steps(cfg.train_dataloader.dataset.pipeline)
    test = _steps(cfg.val_dataloader.dataset.pipeline)
    given = next(s['scale'] for s in train if 'RandomResizedCrop' in s['type'])
    if not base.is_tiny:
        plan.say('image size', given, 'that of the base and its weights')
        return
    side = min(max(32 * round(min(facts.size) * 2 / 3 / 32), 64), 224)
    plan.say('image size', side, 'two thirds of the median image, from 64 to 224')
    if side == given:
        return
    sizes = {'RandomResizedCrop': side, 'Resize': (side, side)}
    for name, steps in (('train_pipeline', train), ('test_pipeline', test)):
        plan.settings[name] = [
            dict(s, scale=sizes[s['type']]) if s['type'] in sizes else s for s in steps
        ]
