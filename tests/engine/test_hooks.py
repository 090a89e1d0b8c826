"""Hooks for the stock runner."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import distributed, nn

from hrnet_mm import HRNet, HRNetV1
from hrnet_mm.engine.check_gradients import CheckGradientsHook
from hrnet_mm.engine.checks import CheckChannelsHook, CheckClassesHook, CheckFrozenHook
from hrnet_mm.engine.seeding import SeedStepHook

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def group():
    """A process group of this process alone."""
    store = distributed.HashStore()
    distributed.init_process_group('gloo', store=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def test_dropout_and_cutmix_depend_on_seed_step_and_rank_alone(monkeypatch):
    def dropped(seed: int, step: int, rank: int) -> list[float]:
        monkeypatch.setattr('hrnet_mm.engine.seeding.get_rank', lambda: rank)
        torch.rand(step), np.random.rand(step)  # whatever was drawn before
        SeedStepHook().before_train_iter(SimpleNamespace(seed=seed, iter=step), 0)
        return [*nn.Dropout()(torch.ones(64)).tolist(), np.random.rand()]

    first = dropped(seed=0, step=5, rank=0)
    assert dropped(seed=0, step=5, rank=0) == first
    others = dropped(1, 5, 0), dropped(0, 6, 0), dropped(0, 5, 1)
    assert all(other != first for other in others)


def detector(**kwargs) -> SimpleNamespace:
    """A runner with a model that has a trunk, in a wrapper."""
    model = nn.Module()
    model.module = nn.Module()
    model.module.backbone = HRNet('w18_small_v1', **kwargs)
    return SimpleNamespace(model=model)


@pytest.mark.parametrize(
    'frozen',
    [
        dict(norm_eval=True),
        dict(frozen_stages=0),
        dict(norm_eval=True, frozen_stages=4),
        dict(frozen_stages=1, norm_cfg=dict(type='GN', num_groups=2)),
    ],
    ids=str,
)
def test_frozen_norms_without_weights_are_refused(frozen, randomised):
    runner = detector(**frozen)
    with pytest.raises(
        ValueError, match=r'(?s)^backbone has norm_eval=.* from scratch'
    ):
        CheckFrozenHook().before_train(runner)
    for norm in runner.model.module.backbone.frozen_norms():
        nn.init.uniform_(norm.bias)
    randomised(runner.model)  # as a checkpoint would
    CheckFrozenHook().before_train(runner)


def test_a_checkpoint_of_half_a_trunk_does_not_pass(randomised):
    runner = detector(norm_eval=True)
    trunk = randomised(runner.model.module.backbone)
    trunk.stage4[0].branches[3][0].bn1.reset_running_stats()
    with pytest.raises(ValueError, match='but 1 of the'):
        CheckFrozenHook().before_train(runner)


@pytest.mark.parametrize('frozen', [dict(), dict(norm_cfg=dict(type='SyncBN'))])
def test_training_from_scratch_is_free_to_start(frozen):
    CheckFrozenHook().before_train(detector(**frozen))


def head(num_classes: int) -> nn.Module:
    module = nn.Module()
    module.num_classes = num_classes
    return module


def segmentor(*num_classes: int) -> nn.Module:
    """One head, or the list of them that OCR has."""
    heads = [head(n) for n in num_classes]
    module = nn.Module()
    module.decode_head = nn.ModuleList(heads) if len(heads) > 1 else heads[0]
    return module


def data_for(model: nn.Module, *classes: str) -> SimpleNamespace:
    loader = SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=classes)))
    return SimpleNamespace(
        model=model,
        train_dataloader=loader,
        val_dataloader=loader,
        test_dataloader=loader,
    )


@pytest.mark.parametrize('stage', ['before_train', 'before_val', 'before_test'])
@pytest.mark.parametrize('num_classes', [(2,), (3, 2)])
def test_data_of_more_classes_than_a_head_are_refused(stage, num_classes):
    check = getattr(CheckClassesHook(), stage)
    with pytest.raises(
        ValueError,
        match=r'3 classes .*num_classes=2. Set model.decode_head',
    ):
        check(data_for(segmentor(*num_classes), 'road', 'house', 'sky'))
    check(data_for(segmentor(*num_classes), 'road', 'house'))


def test_the_label_that_does_not_count_is_one_for_all():
    model = segmentor(2, 2)
    for part in model.decode_head:
        part.ignore_index = 250
    runner = data_for(model, 'road', 'house')
    runner.train_dataloader.dataset.ignore_index = 250
    runner.val_loop = SimpleNamespace(
        evaluator=SimpleNamespace(metrics=[SimpleNamespace(ignore_index=255)])
    )
    check = CheckClassesHook()
    check.before_train(runner)
    with pytest.raises(ValueError, match=r'Set val_evaluator.ignore_index=250$'):
        check.before_val(runner)
    model.decode_head[1].ignore_index = 255
    keys = r'Set model.decode_head.1.ignore_index=250$'
    with pytest.raises(ValueError, match=keys):
        check.before_train(runner)


def test_the_model_is_found_inside_its_wrappers():
    wrapped = nn.Module()
    wrapped.module = segmentor(2)
    with pytest.raises(ValueError, match='num_classes=2'):
        CheckClassesHook().before_test(data_for(wrapped, 'road', 'house', 'sky'))


def test_the_preprocessor_is_of_the_images_that_the_trunk_takes():
    model = SimpleNamespace(
        backbone=SimpleNamespace(in_channels=1),
        data_preprocessor=SimpleNamespace(mean=torch.zeros(3, 1, 1)),
    )
    for check in (CheckChannelsHook().before_train, CheckChannelsHook().before_test):
        with pytest.raises(ValueError, match=r'mean has 3 values.* have 1 channels'):
            check(SimpleNamespace(model=model))


def test_a_detector_has_as_many_classes_as_the_data():
    """Its heads do; the first stage tells objects from none, whatever they are."""
    detector = nn.Module()
    detector.rpn_head, detector.roi_head = head(1), nn.Module()
    detector.roi_head.bbox_head = nn.ModuleList([head(3), head(3)])
    check = CheckClassesHook(exact=True)
    check.before_train(data_for(detector, 'road', 'house', 'sky'))
    keys = r'Set model.roi_head.bbox_head.0.num_classes=2 model.roi_head.bbox_head.1'
    with pytest.raises(ValueError, match=keys):
        check.before_train(data_for(detector, 'road', 'house'))


def panoptic(boxes: int, things: int, stuff: int) -> nn.Module:
    detector = nn.Module()
    detector.roi_head = nn.Module()
    detector.roi_head.bbox_head = head(boxes)
    detector.semantic_head = head(stuff + 1)
    detector.panoptic_fusion_head = head(things + stuff)
    for part in (detector, detector.semantic_head, detector.panoptic_fusion_head):
        part.num_things_classes, part.num_stuff_classes = things, stuff
    return detector


def test_box_heads_of_panoptic_models_have_the_things_of_the_data():
    check = CheckClassesHook(exact=True)
    runner = data_for(panoptic(2, 2, 1), 'car', 'person', 'road')
    runner.train_dataloader.dataset.metainfo.update(
        thing_classes=('car', 'person'), stuff_classes=('road',)
    )
    check.before_train(runner)
    for wrong in (1, 3, 80):
        runner.model = panoptic(wrong, 2, 1)
        with pytest.raises(
            ValueError, match=r'Set model.roi_head.bbox_head.num_classes=2$'
        ):
            check.before_train(runner)
    runner.model = panoptic(2, 80, 53)
    with pytest.raises(
        ValueError, match=r'Set model.num_things_classes=2 model.num_stuff'
    ):
        check.before_train(runner)


def test_data_without_names_of_classes_cannot_be_compared():
    """MMPretrain's labels of a list, and the data of its ``vis_scheduler``."""
    for metainfo in (None, {}, dict(classes=None)):
        runner = data_for(segmentor(2))
        runner.train_dataloader.dataset.metainfo = metainfo
        CheckClassesHook(exact=True).before_train(runner)


def test_joined_data_have_a_list_of_classes():
    """MMDetection's ``ConcatDataset``, if they differ."""
    runner = data_for(segmentor(2))
    parts = [dict(classes=('road',)), dict(classes=('road', 'house'))]
    runner.train_dataloader.dataset.metainfo = parts
    CheckClassesHook(exact=True).before_train(runner)
    parts[1] = dict(classes=('road', 'house', 'sky'))
    with pytest.raises(ValueError, match='3 classes'):
        CheckClassesHook().before_train(runner)


class Streams(BaseModel):
    """A trunk and a neck."""

    def __init__(self, neck: nn.Module, **kwargs):
        super().__init__()
        self.backbone, self.neck = HRNet('w18_small_v1', **kwargs), neck

    def forward(self, inputs, mode):
        outputs = self.neck(self.backbone(inputs))
        means = [output.mean() for output in outputs]
        return dict(loss=means, acc=means[0].detach())


class TestGradients:
    """`CheckGradientsHook`."""

    @pytest.fixture
    def steps(self, group):
        """Train a model for two steps of an epoch, with the hook or without."""

        def train(model: nn.Module, checked: bool = True, **kwargs) -> None:
            wrapped = MMDistributedDataParallel(model, **kwargs)
            runner = SimpleNamespace(model=wrapped, cfg={})
            optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
            if checked:
                CheckGradientsHook().before_train_epoch(runner)
            for _ in range(2):
                wrapped.train_step(dict(inputs=torch.rand(2, 3, 64, 64)), optimizer)

        return train

    def test_streams_that_nothing_reads_are_named_before_the_first_step(self, steps):
        model = Streams(HRNetV1())
        before = deepcopy(model.state_dict())
        with pytest.raises(ValueError) as caught:
            steps(model)
        message = str(caught.value)
        # convolutions and norms to streams 1, 2, 3: (3 + 4 + 6) * 3
        assert '39 of 213 parameters' in message
        assert '(backbone.stage4.0.fuse_layers.1.0.0.0.weight, ' in message
        assert 'set model.backbone.multiscale_output=False, or set find_un' in message
        for name, value in model.named_parameters():
            assert torch.equal(value, before[name])
        with pytest.raises(RuntimeError, match='finished reduction'):  # DDP itself
            steps(Streams(HRNetV1()), checked=False)

    @pytest.mark.parametrize(
        ('kwargs', 'ddp'),
        [
            (dict(multiscale_output=False), {}),
            ({}, dict(find_unused_parameters=True)),
            (dict(frozen_stages=4), {}),
        ],
    )
    def test_the_ways_out(self, steps, kwargs, ddp):
        model = Streams(HRNetV1(), **kwargs)
        model.other = nn.Linear(1, 1).requires_grad_(False)
        model.neck.scale = nn.Parameter(torch.ones(1))
        model.neck.register_forward_hook(lambda m, x, y: (y[0] * m.scale,))
        steps(model, **ddp)

    def test_any_other_layer_is_named(self, steps):
        model = Streams(nn.Identity())
        model.head = nn.Linear(1, 1)
        with pytest.raises(ValueError, match=r'head.weight, head.bias.*Leave these'):
            steps(model)

    def test_what_a_checkpoint_hides_is_not_judged(self, steps):
        """DDP sees it; the losses lead to the checkpoint alone."""
        from torch.utils.checkpoint import checkpoint

        model = Streams(nn.Conv2d(16, 1, 1), multiscale_output=False)
        neck = model.neck.forward
        model.neck.forward = lambda xs: checkpoint(neck, xs[0], use_reentrant=True)
        steps(model)

    def test_one_process_is_free_to_leave_parameters_unused(self):
        model = Streams(HRNetV1())
        CheckGradientsHook().before_train_epoch(SimpleNamespace(model=model, cfg={}))
        assert not model._forward_hooks


class Anything(BaseModel):
    """A model that is none of ours, and has neither classes nor a loss."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, inputs, mode):
        """Never called."""

    def train_step(self, data, optim_wrapper):
        """As the one of MMPretrain's `vis_scheduler`."""


@pytest.fixture
def simulated(tmp_path, request):
    """Build the runner of MMPretrain's `vis_scheduler`: no data, no loss."""

    class Loader(list):
        dataset = SimpleNamespace(metainfo=None)

    def build(default_hooks: dict, **kwargs) -> Runner:
        unused = ['runtime_info', 'timer', 'logger', 'checkpoint', 'sampler_seed']
        return Runner(
            model=Anything(),
            work_dir=str(tmp_path),
            train_dataloader=Loader(range(3)),
            train_cfg=dict(by_epoch=True, max_epochs=2),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            default_hooks=dict(default_hooks, **dict.fromkeys(unused)),
            experiment_name=request.node.name,
            **kwargs,
        )

    return build


RUNTIME = Config.fromfile(f'{ROOT}/configs/_base_/runtime.py').default_hooks
CLASSES = dict(check_classes=dict(type='hrnet_mm.CheckClassesHook'))
OURS = {
    name: hook['type'].removeprefix('hrnet_mm.')
    for name, hook in (RUNTIME | CLASSES).items()
    if hook['type'].startswith('hrnet_mm.') and name != 'checkpoint'
}


def names(runner: Runner) -> list[str]:
    return [type(hook).__name__ for hook in runner.hooks]


def test_hooks_survive_a_simulated_training(simulated):
    runner = simulated(RUNTIME | CLASSES)
    runner.train()
    assert runner.iter == 6


@pytest.mark.parametrize('name', OURS)
def test_each_hook_is_switched_off_by_its_name(name, simulated):
    """`--cfg-options default_hooks.NAME.enable=False`."""
    every = names(simulated(RUNTIME | CLASSES))
    assert set(OURS.values()) <= set(every)
    hooks = Config(dict(default_hooks=RUNTIME | CLASSES))
    hooks.merge_from_dict({f'default_hooks.{name}.enable': False})
    runner = simulated(hooks.default_hooks)
    assert sorted([*names(runner), OURS[name]]) == sorted([*every, 'Hook'])
    runner.train()


def test_hooks_of_a_user_add_to_ours(write_config):
    """A list replaces a list when configs merge; ours are no list."""
    lines = "custom_hooks = [dict(type='EMAHook')]\n"
    for leaf in ('hrnet_w48_coco.py', 'det/fcos_hrnetv2p_w18_coco-1x.py'):
        cfg = Config.fromfile(write_config(leaf, lines), import_custom_modules=False)
        kinds = {hook['type'] for hook in cfg.default_hooks.values()}
        assert {f'hrnet_mm.{kind}' for kind in OURS.values()} - kinds <= {
            'hrnet_mm.CheckClassesHook'
        }
