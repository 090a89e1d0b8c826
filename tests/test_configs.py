"""Every config parses, builds, has the published size, and is the recipe it names."""

from __future__ import annotations

import copy
import functools
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import HOOKS, VISUALIZERS, init_default_scope

from hrnet_mm.building import build_model
from hrnet_mm.checkpoints import hub, zoo
from hrnet_mm.datasets.checked import CheckedData
from hrnet_mm.libraries import LIBRARIES
from hrnet_mm.profiling import Subject, count_macs
from hrnet_mm.registry import DATASETS

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / 'configs'
LEAVES = sorted(
    path.relative_to(CONFIGS)
    for path in CONFIGS.rglob('*.py')
    if '_base_' not in path.parts and not path.is_symlink()
)
ENTRIES = {entry['Config'].removeprefix('configs/'): entry for entry in zoo.entries()}
TINY = [p for p in LEAVES if re.search('_tiny(-|$)', p.stem)]
SEG = [p for p in LEAVES if p.parts[0] == 'seg']
DEPTH = [p for p in SEG if '-depth_' in p.stem]
CLS = [p for p in LEAVES if p.parts[0] == 'cls']
UNIVERSAL = [p for p in LEAVES if p.parts[0] == 'universal']
POSE = [p for p in LEAVES if p.parts[0] in ('pose', 'hrnet_w48_coco.py')]
BOTTOM_UP = [p for p in POSE if p.stem.startswith(('higher-hrnet', 'hrnet-ae'))]
DEKR_AND_CID = [p for p in POSE if p.stem.startswith(('dekr_', 'cid_'))]
LANDMARKS = [p for p in POSE if p.stem.startswith('hrnetv2_w18_')]
# Recipes of MMPose 0.x (configs/*/2d_kpt_sview_rgb_img of that branch) that 1.x lacks:
# the nearest leaf with a config in 1.x, and what the recipe changes.
OLD = {
    'atrw': dict(
        like='ap10k-256x256',
        dataset='ATRWDataset',
        root='atrw',
        keypoints=15,
        files=['keypoint_train.json', 'keypoint_val.json'],
        folders=['images/train/', 'images/val/'],
        batches={'w32': 64, 'w48': 64},
    ),
    'horse10': dict(
        like='ap10k-256x256',
        dataset='Horse10Dataset',
        root='horse10',
        keypoints=22,
        files=['horse10-train-{}.json', 'horse10-test-{}.json'],
        folders=['', ''],
        batches={'w32': 64, 'w48': 32},
        without='RandomHalfBody',
        best='PCK',
        scores=dict(type='hrnet_mm.KeypointDistancePCK', thr=0.3),
    ),
    'macaque': dict(
        like='coco-256x192',
        dataset='MacaqueDataset',
        root='macaque',
        keypoints=17,
        files=['macaque_train.json', 'macaque_test.json'],
        folders=['images/', 'images/'],
        batches={'w32': 64, 'w48': 32},
    ),
    'panoptic': dict(
        like='onehand10k-256x256',
        dataset='PanopticHand2DDataset',
        root='panoptic',
        keypoints=21,
        files=['panoptic_train.json', 'panoptic_test.json'],
        folders=['', ''],
        batches={'w18': 64},
        padding=1.76,
        best='AUC',
        scores=[
            dict(type='PCKAccuracy', thr=0.7, norm_item='head'),
            dict(type='AUC'),
            dict(type='EPE'),
        ],
    ),
}
OLD_LEAF = rf'(hrnet(?:v2)?_(w\d+)_)({"|".join(OLD)})(?:-(.*))?-\d+x\d+(_.*)?'
TRAINED_AS = {
    path: it['Metadata'].get('Trained as', '') for path, it in ENTRIES.items()
}
# recipes of top-down pose in mmpose 1.x, or compared with one of them
PUBLISHED = [
    p
    for p in POSE
    if p.parts[0] == 'pose'
    and (TRAINED_AS[str(p)].startswith('td-hm_') or re.fullmatch(OLD_LEAF, p.stem))
]


read = functools.cache(Config.fromfile)  # takes longer than most of these tests


def config(path: Path) -> Config:
    return copy.deepcopy(read(str(CONFIGS / path)))


@pytest.mark.parametrize('path', LEAVES, ids=str)
def test_the_learning_rate_can_be_scaled(path):
    """`--auto-scale-lr` of mmdet asks for both keys."""
    assert {'enable', 'base_batch_size'} <= set(config(path).auto_scale_lr)


@pytest.mark.parametrize('path', LEAVES, ids=str)
def test_weight_decay_can_be_multiplied(path):
    """`paramwise_cfg` of mmengine asks for it: `base_wd should not be None`."""
    assert 'weight_decay' in config(path).optim_wrapper.optimizer


@pytest.mark.parametrize('path', LEAVES, ids=str)
def test_a_resumed_job_repeats_the_augmentation(path):
    """The sampler gives each index a seed, and our data sets seed with it."""
    cfg = config(path)
    pytest.importorskip(cfg.default_scope)
    assert cfg.train_dataloader.sampler.type == 'hrnet_mm.SeededSampler'
    data = cfg.train_dataloader.dataset
    for part in data.get('datasets', [data]):
        kind = DATASETS.get(part.type)
        if kind.__name__ == 'SameImages':  # seeds its tasks (tests/universal)
            kinds = [DATASETS.get(it.type) for it in part.tasks.values()]
        else:
            kinds = [kind]
        assert all(issubclass(it, CheckedData) for it in kinds)


def test_the_former_paths_of_tiny_configs_are_links():
    links = sorted((CONFIGS / 'tiny').glob('*.py'))
    tiny = sorted(path.name for path in TINY)
    assert [link.name for link in links] == tiny
    for link in links:
        assert link.is_symlink()
        assert Config.fromfile(link, import_custom_modules=False).model


def test_basenames_are_unique():
    """mim finds a config by its basename."""
    names = [path.name for path in LEAVES]
    assert len(names) == len(set(names))


def test_no_data_file_has_the_name_of_a_description_of_keypoints():
    """MMPose reads 'configs/_base_/datasets/NAME.py' in the working folder first."""
    mmpose = pytest.importorskip('mmpose')
    folder = '_base_/datasets'
    stock = Path(mmpose.__file__).parent / '.mim/configs'
    ours, theirs = (
        {path.name for path in (configs / folder).glob('*.py')}
        for configs in (CONFIGS, stock)
    )
    assert 'coco_pose.py' in ours
    assert 'coco.py' in theirs
    assert not ours & theirs


@pytest.mark.parametrize('path', LEAVES, ids=str)
def test_a_leaf_is_short_and_says_how_to_run_it(path):
    text = (CONFIGS / path).read_text()
    code = text.split('"""')[2].strip().splitlines()
    assert len(code) <= 40
    says = text.split('"""')[1]
    assert f'configs/{path}' in says
    # figures stand in the metafiles
    assert not re.search(r'parameters|MACs|mIoU|NME|(AP|error) [>\d]', says)
    assert "'mmpose::" not in text
    assert "'mmseg::" not in text
    assert "'mmdet::" not in text
    assert "'mmpretrain::" not in text


def build(cfg: Config) -> torch.nn.Module:
    """The model of a config, without memory."""
    pytest.importorskip(cfg.default_scope)
    return build_model(cfg, 'meta')


@functools.cache
def model_of(path: Path) -> torch.nn.Module:
    return build(config(path))


def pretrained(part: torch.nn.Module) -> bool:
    """Whether a part of a model loads weights of its own."""
    init_cfg = getattr(part, 'init_cfg', None)
    return isinstance(init_cfg, dict) and init_cfg['type'].endswith('Pretrained')


@pytest.mark.parametrize('path', LEAVES, ids=str)
def test_the_model_builds_and_asks_for_weights_that_can_be_fetched(path):
    cfg = config(path)
    parts = model_of(path).modules()
    asked = [
        *(part.init_cfg['checkpoint'] for part in parts if pretrained(part)),
        *filter(None, [cfg.load_from]),
    ]
    assert asked == hub.list_needed(cfg)
    if not cfg.load_from:
        assert all(hub.list_mirrors(source) for source in asked)


def test_each_config_has_an_entry_in_the_metafiles():
    assert set(ENTRIES) == set(map(str, LEAVES))
    assert len(zoo.entries()) == len(LEAVES)
    for path, entry in ENTRIES.items():
        assert entry['Name'] == Path(path).stem


def test_the_front_door_is_a_config_of_pose():
    front, leaf = 'hrnet_w48_coco.py', 'pose/hrnet_w48_coco-256x192.py'
    assert config(Path(front)).to_dict() == config(Path(leaf)).to_dict()
    its_own = {key: ENTRIES[front][key] for key in ('Name', 'Config')}
    assert ENTRIES[front] == ENTRIES[leaf] | its_own


def test_configs_without_scores_are_those_that_nobody_published():
    without = {path for path, entry in ENTRIES.items() if 'Results' not in entry}
    scratch = 'det/mask-rcnn_hrnetv2p_w18_coco-6x_scratch.py'
    # of twelve recipes of mmpose, three were trained
    clothes = {str(p) for p in POSE if 'deepfashion' in p.stem}
    clothes -= {path for path in clothes if '_w48_' in path and 'udp' in path}
    # nobody trained Panoptic FPN on HRNet, and W48 only of Panoptic-DeepLab
    panoptic = {str(p) for p in LEAVES if p.stem.startswith('panoptic-')}
    panoptic -= {path for path in panoptic if 'deeplab_w48' in path}
    # no supervised HRNet with this head
    depth = {str(p) for p in DEPTH}
    # faces and drones: the leaves are ours
    ours = {str(p) for p in LEAVES if re.search('_(wider-face|visdrone)-', p.stem)}
    own = {*panoptic, *depth, *ours, *map(str, UNIVERSAL)}
    assert without == {*map(str, TINY), scratch, *clothes, *own}


@pytest.mark.parametrize('path', LEAVES, ids=str)
def test_parameters_and_macs_are_those_of_the_metafile(path):
    model = model_of(path)
    facts = ENTRIES[str(path)]['Metadata']
    assert sum(p.numel() for p in model.parameters()) == facts['Parameters']
    if path not in TINY or 'FLOPs' in facts:
        height, width = map(int, facts['Input size'].split('x'))
        counted = count_macs(model, Subject(model, (height, width)).run)
        assert counted == facts['FLOPs']


# What differs on purpose, and why.
OURS = {
    'hrnet_mm.CocoPose': 'CocoDataset',  # the same data, checked
    'hrnet_mm.MpiiPose': 'MpiiDataset',
    'hrnet_mm.Aflw': 'AFLWDataset',
    'hrnet_mm.Cofw': 'COFWDataset',
    'hrnet_mm.Faces300W': 'Face300WDataset',
    'hrnet_mm.Wflw': 'WFLWDataset',
    'hrnet_mm.AnimalKingdom': 'AnimalKingdomDataset',
    'hrnet_mm.AnimalPose': 'AnimalPoseDataset',
    'hrnet_mm.Ap10k': 'AP10KDataset',
    'hrnet_mm.Atrw': 'ATRWDataset',
    'hrnet_mm.CocoWholeBodyHands': 'CocoWholeBodyHandDataset',
    'hrnet_mm.Horse10': 'Horse10Dataset',
    'hrnet_mm.Macaque': 'MacaqueDataset',
    'hrnet_mm.OneHand10k': 'OneHand10KDataset',
    'hrnet_mm.PanopticHands': 'PanopticHand2DDataset',
    'hrnet_mm.Rhd2d': 'Rhd2DDataset',
    'hrnet_mm.Aic': 'AicDataset',
    'hrnet_mm.CocoWholeBody': 'CocoWholeBodyDataset',
    'hrnet_mm.CocoWholeBodyFaces': 'CocoWholeBodyFaceDataset',
    'hrnet_mm.CrowdPose': 'CrowdPoseDataset',
    'hrnet_mm.DeepFashion': 'DeepFashionDataset',
    'hrnet_mm.ExLPose': 'ExlposeDataset',
    'hrnet_mm.Faces300WLP': 'Face300WLPDataset',
    'hrnet_mm.HumanArt': 'HumanArtDataset',
    'hrnet_mm.PoseTrack18': 'PoseTrack18Dataset',
    'hrnet_mm.UBody': 'UBody2dDataset',
}
SCORES = {
    'CocoMetric': 'hrnet_mm.CocoPoseMetric',  # on what our data sets read
    'CocoWholeBodyMetric': 'hrnet_mm.CocoWholeBodyMetric',
    'PoseTrack18Metric': 'hrnet_mm.PoseTrack18Metric',  # without poseval
}
# mmpose's metric has no such score
BEST = {'posetrack18/Total AP': 'posetrack18/AP'}


def stock_config(path: Path) -> tuple[Config, str]:
    """The MMPose config of a leaf, and a name that says its batch."""
    mmpose = pytest.importorskip('mmpose')
    old = re.fullmatch(OLD_LEAF, path.stem)
    if old:
        start, width, data, split, end = old.groups()
        recipe = OLD[data]
        like = path.with_name(f'{start}{recipe["like"]}{end or ""}.py')
        stock, _ = stock_config(like)
        return as_in_0x(stock, recipe, recipe['batches'][width], split)
    folder = Path(mmpose.__file__).parent / '.mim/configs'
    (file,) = folder.rglob(f'{TRAINED_AS[str(path)]}.py')
    return Config.fromfile(str(file)), file.stem


def as_in_0x(
    stock: Config, recipe: dict, batch: int, split: str | None
) -> tuple[Config, str]:
    """Change the nearest config of 1.x to a recipe of 0.x."""
    stock.model.head.out_channels = recipe['keypoints']
    stock.auto_scale_lr.base_batch_size = 8 * batch
    stock.default_hooks.checkpoint.save_best = recipe.get('best', 'coco/AP')
    for name, file, folder in zip(
        ('train', 'val', 'test'),
        [*recipe['files'], recipe['files'][1]],
        [*recipe['folders'], recipe['folders'][1]],
        strict=True,
    ):
        data = stock[f'{name}_dataloader'].dataset
        data.pop('bbox_file', None)
        data.data_root = f'data/{recipe["root"]}'
        data.type = recipe['dataset']
        data.ann_file = f'annotations/{file.format(split)}'
        data.data_prefix = dict(img=folder)
        if 'padding' in recipe:
            data.pipeline[1].padding = recipe['padding']
        data.pipeline = [t for t in data.pipeline if t.type != recipe.get('without')]
        if name != 'train':
            file = f'{data.data_root}/{data.ann_file}'
            coco = dict(type='CocoMetric', ann_file=file)
            stock[f'{name}_evaluator'] = recipe.get('scores', coco)
    return stock, f'8xb{batch}'


def stock_steps(pipeline: list, codec: dict | None = None) -> list[dict]:
    """A pipeline with the transforms that ours have the results of.

    The head encodes what ``PackTopdown`` packs, with the same codec.
    """
    steps = []
    for step in pipeline:
        if step.type == 'hrnet_mm.PackTopdown':
            if steps[-1]['type'] != 'GenerateTarget':
                steps.append(dict(type='GenerateTarget', encoder=codec))
            step = dict(step, type='PackPoseInputs')
        if step['type'] == 'hrnet_mm.LoadLabels':
            step = dict(step, type='LoadAnnotations')
        if step['type'] != 'hrnet_mm.CheckLabels':
            steps.append(dict(step, type=step['type'].removeprefix('hrnet_mm.')))
    return steps


@pytest.fixture(params=PUBLISHED, ids=str)
def ours_and_stock(request) -> tuple[Config, Config, str]:
    """A leaf of ours and the MMPose config that it stands for."""
    return config(request.param), *stock_config(request.param)


def test_schedule_and_codec_are_mmpose_s(ours_and_stock):
    ours, stock, _ = ours_and_stock
    # the default of torch, written out so that paramwise_cfg can multiply it
    optimizer = stock.optim_wrapper.optimizer
    optimizer.setdefault('weight_decay', {'Adam': 0, 'AdamW': 0.01}[optimizer.type])
    # a loop of epochs, too
    assert stock.train_cfg.pop('by_epoch')
    assert ours.train_cfg.pop('type') == 'hrnet_mm.EpochLoop'
    for key in ('optim_wrapper', 'data_mode', 'train_cfg'):
        assert ours[key] == stock[key], key
    assert ours.codec == stock.model.head.decoder
    batches = [c.auto_scale_lr.base_batch_size for c in (ours, stock)]
    assert batches[0] == batches[1]
    schedules = zip(ours.param_scheduler, stock.param_scheduler, strict=True)
    assert all({'begin': 0, **a} == b for a, b in schedules)
    best = [c.default_hooks.checkpoint.save_best for c in (ours, stock)]
    assert best[0] == BEST.get(best[1], best[1])


def test_the_model_is_mmpose_s(ours_and_stock):
    ours, stock, _ = ours_and_stock
    assert ours.model.data_preprocessor.pop('non_blocking')
    for part in ('data_preprocessor', 'head'):
        ours.model[part].type = ours.model[part].type.removeprefix('hrnet_mm.')
        assert ours.model[part] == stock.model[part], part
    for part in ('test_cfg', 'train_cfg', 'metainfo'):
        assert ours.model.get(part) == stock.model.get(part), part
    first, same = (
        hub.list_mirrors(c.get('load_from') or c.model.backbone.init_cfg.checkpoint)[0]
        for c in (ours, stock)
    )
    assert first == same


# of the leaves with the same model, one
BY_SIZE = {ENTRIES[str(p)]['Metadata']['Parameters']: p for p in PUBLISHED}


@pytest.mark.parametrize('path', BY_SIZE.values(), ids=str)
def test_the_state_dict_is_mmpose_s(path):
    mine, theirs = (
        {name: value.shape for name, value in model.state_dict().items()}
        for model in (model_of(path), build(stock_config(path)[0]))
    )
    assert mine == theirs


# of data sets, with their defaults
OPTIONS = dict(
    bbox_file=None, data_mode='topdown', filter_cfg=None, headbox_file=None,
    sample_interval=1, subset='', test_mode=False,
)  # fmt: skip


def check_data(mine: dict, theirs: dict, codec: dict) -> None:
    """Check that two data sets read the same files, and do the same with them."""
    steps = stock_steps(mine.get('pipeline', []), codec)
    assert steps == theirs.get('pipeline', [])
    if mine.type == 'CombinedDataset':
        assert mine.type == theirs.type
        assert mine.metainfo == theirs.metainfo
        for parts in zip(mine.datasets, theirs.datasets, strict=True):
            check_data(*parts, codec)
        return
    assert OURS[mine.type] == theirs.type
    for key, default in OPTIONS.items():
        assert mine.get(key, default) == theirs.get(key, default), key
    for read in (lambda it: it.ann_file, lambda it: it.data_prefix.img):
        files = [Path(it.get('data_root', ''), read(it)) for it in (mine, theirs)]
        assert files[0] == files[1]


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_the_data_is_mmpose_s(ours_and_stock, split):
    ours, stock, name = ours_and_stock
    mine, theirs = (c[f'{split}_dataloader'] for c in (ours, stock))
    if split == 'train':  # of the name: some of the files say something else
        assert mine.batch_size == int(re.search(r'8xb(\d+)', name)[1])
    else:
        scores = [c[f'{split}_evaluator'] for c in (ours, stock)]
        if isinstance(scores[1], dict):
            scores[1].type = SCORES.get(scores[1].type, scores[1].type)
        if '300wlp' in name:  # mmpose's cannot be computed without
            assert scores[0].pop('keypoint_indices') == [36, 45]
        assert scores[0] == scores[1]
    check_data(mine.dataset, theirs.dataset, ours.model.head.decoder)


# Configs of mmpose for HRNet without one of ours, by a part of their path.
WITHOUT_A_LEAF = {'litehrnet': 'Lite-HRNet, another network'}


def test_each_config_of_mmpose_has_a_leaf():
    mmpose = pytest.importorskip('mmpose')
    folder = Path(mmpose.__file__).parent / '.mim/configs'
    paths = [path.relative_to(folder) for path in folder.rglob('*hrnet*.py')]
    left = [path for path in paths if path.stem not in TRAINED_AS.values()]
    reasons = {p: [r for r in WITHOUT_A_LEAF if r in str(p)] for p in left}
    assert not [str(path) for path, found in reasons.items() if not found]
    # and no reason without a config
    assert {reason for found in reasons.values() for reason in found} == {
        *WITHOUT_A_LEAF
    }


def test_the_data_root_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv('COCO', '/somewhere/coco')
    cfg = Config.fromfile(str(CONFIGS / 'hrnet_w48_coco.py'))
    assert cfg.train_dataloader.dataset.data_root == '/somewhere/coco'
    assert cfg.val_evaluator.ann_file.startswith('/somewhere/coco/annotations/')
    assert cfg.test_dataloader.dataset.bbox_file.startswith('/somewhere/coco/person')


@pytest.mark.parametrize('path', POSE, ids=str)
def test_pose_configs_are_ready_for_many_gpus(path):
    cfg = config(path)
    assert cfg.auto_scale_lr.base_batch_size
    assert cfg.randomness.seed is not None  # or a resumed job shuffles anew
    assert cfg.default_hooks.checkpoint.save_best
    assert cfg.default_hooks.visualization.enable
    assert cfg.default_hooks.sampler_seed.type == 'DistSamplerSeedHook'
    # no unused parameters
    all_streams = path in LANDMARKS + DEKR_AND_CID
    assert cfg.model.backbone.multiscale_output is all_streams
    # MMPoseInferencer reads it
    bottom_up = path in BOTTOM_UP + DEKR_AND_CID
    assert cfg.data_mode == ('bottomup' if bottom_up else 'topdown')


@pytest.mark.parametrize('name', ['wflw', '300w', 'cofw', 'aflw'])
def test_the_official_recipes_of_landmarks_are_official(name):
    """experiments/NAME of HRNet-Facial-Landmark-Detection."""
    cfg = config(Path(f'pose/hrnetv2_w18_{name}-256x256_official.py'))
    pipeline = {t['type']: t for t in cfg.train_dataloader.dataset.pipeline}
    turn = pipeline['hrnet_mm.RandomBBoxTransform']
    assert turn.rotate_factor == 30
    assert turn.scale_factor == (0.75, 1.25)
    assert cfg.train_dataloader.dataset.pipeline[-1].type == 'hrnet_mm.PackTopdown'
    assert cfg.model.head.decoder.sigma == (1 if name == '300w' else 1.5)
    assert cfg.model.head.loss.use_target_weight is False
    assert cfg.optim_wrapper.optimizer.lr == (2e-4 if name == 'aflw' else 1e-4)
    assert [(s.end, s.milestones) for s in cfg.param_scheduler] == [(60, [30, 50])]
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == 16


@pytest.mark.parametrize('path', BOTTOM_UP, ids=str)
def test_bottom_up_recipes_are_official(path):
    """experiments/coco/higher_hrnet of HigherHRNet-Human-Pose-Estimation."""
    cfg = config(path)
    width, height = cfg.codec.input_size
    levels = [4] if path.stem.startswith('hrnet-ae') else [4, 2]
    sizes = [(width // level, height // level) for level in levels]
    assert cfg.codec.heatmap_sizes == sizes
    assert cfg.model.head.decoder == cfg.codec
    pipeline = {t['type']: t for t in cfg.train_dataloader.dataset.pipeline}
    assert [*pipeline][-3:-1] == ['GenerateTarget', 'hrnet_mm.CrowdMask']
    encoder = pipeline['GenerateTarget'].encoder
    assert encoder.heatmap_sizes == sizes
    assert pipeline['BottomupRandomAffine'].input_size == (width, height)
    if path in TINY:
        return
    assert encoder.sigma == 2
    assert cfg.val_dataloader.dataset.pipeline[1].size_factor == 64
    steps = [400, 550] if 'mhp' in path.stem else [200, 260]  # of MMPose 0.x
    assert cfg.param_scheduler[-1].milestones == steps
    assert cfg.model.test_cfg == dict(flip_test=True)
    build(cfg)  # or mmpose's classes are not there
    from mmpose.datasets.transforms import BottomupRandomAffine

    kwargs = dict(pipeline['BottomupRandomAffine'])
    del kwargs['type']
    affine = BottomupRandomAffine(**kwargs)
    assert (affine.scale_factor, affine.scale_type) == ((0.75, 1.5), 'short')
    assert (affine.rotate_factor, affine.shift_factor) == (30, 0.2)
    assert affine.distribution == 'uniform'


@pytest.fixture(params=[p for p in DEKR_AND_CID if p not in TINY], ids=str)
def dekr_or_cid(request) -> tuple[Config, Config]:
    """A leaf of DEKR or CID, and the MMPose config that it stands for."""
    mmpose = pytest.importorskip('mmpose')
    folder = Path(mmpose.__file__).parent / '.mim/configs'
    kind, width, data = request.param.stem.split('_')
    (stock,) = folder.rglob(f'{kind}_hrnet-{width}_8xb*_{data}.py')
    return config(request.param), Config.fromfile(str(stock))


STOCK_STEPS = dict(
    BottomupRandomFlip='RandomFlip',
    CrowdMask='BottomupGetHeatmapMask',
    PackBottomup='PackPoseInputs',
)


def plain(part: object) -> object:
    """A part of a config without the scope of our classes."""
    if isinstance(part, dict):
        return {key: plain(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [*map(plain, part)]
    return part.removeprefix('hrnet_mm.') if isinstance(part, str) else part


def test_the_models_of_dekr_and_cid_are_mmpose_s(dekr_or_cid):
    ours, stock = dekr_or_cid
    if 'rescore_cfg' in ours.model.head:  # loaded by our Pretrained, which checks more
        net = ours.model.head.rescore_cfg.init_cfg
        assert net.pop('prefix') == ''
        net.checkpoint = hub.list_mirrors(net.checkpoint)[0].url
    for key in ('head', 'test_cfg', 'train_cfg'):
        assert plain(ours.model.get(key)) == plain(stock.model.get(key)), key
    states = [build(copy.deepcopy(cfg)).state_dict() for cfg in dekr_or_cid]
    shapes = [{name: x.shape for name, x in state.items()} for state in states]
    assert shapes[0] == shapes[1]
    names = [c.model.backbone.init_cfg.checkpoint for c in (ours, stock)]
    first, same = (hub.list_mirrors(name)[0] for name in names)
    assert first == same
    # the rescoring net is not trained, so that none is unused
    assert 'find_unused_parameters' not in ours


def test_the_schedules_of_dekr_and_cid_are_mmpose_s(dekr_or_cid):
    ours, stock = dekr_or_cid
    stock.optim_wrapper.optimizer.setdefault('weight_decay', 0)
    assert stock.train_cfg.pop('by_epoch')
    assert ours.train_cfg.pop('type') == 'hrnet_mm.EpochLoop'
    for key in ('codec', 'optim_wrapper', 'data_mode', 'train_cfg'):
        assert plain(ours[key]) == plain(stock[key]), key
    batches = [c.auto_scale_lr.base_batch_size for c in (ours, stock)]
    assert batches[0] == batches[1]
    schedules = zip(ours.param_scheduler, stock.param_scheduler, strict=True)
    assert all({'begin': 0, **a} == b for a, b in schedules)
    best = [c.default_hooks.checkpoint.save_best for c in (ours, stock)]
    assert best[0] == best[1]


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_the_data_of_dekr_and_cid_are_mmpose_s(dekr_or_cid, split):
    ours, stock = dekr_or_cid
    mine, theirs = (c[f'{split}_dataloader'] for c in (ours, stock))
    assert mine.batch_size == theirs.batch_size
    if split != 'train':
        mine_scores, theirs_scores = (c[f'{split}_evaluator'] for c in (ours, stock))
        assert mine_scores.pop('type') == 'hrnet_mm.CocoPoseMetric'
        assert theirs_scores.pop('type') == 'CocoMetric'
        assert mine_scores == {'nms_mode': 'oks_nms'} | theirs_scores  # the default
    for key in ('ann_file', 'data_prefix'):
        assert mine.dataset[key] == theirs.dataset[key], key
    steps, their_steps = (plain(c.dataset.pipeline) for c in (mine, theirs))
    for step in steps:
        step['type'] = STOCK_STEPS.get(step['type'], step['type'])
        if step['type'] == 'BottomupRandomAffine':
            assert step.pop('distribution') == 'trunc_norm'  # the default
    packed = their_steps[-1].pop('meta_keys', ())
    assert steps == their_steps
    build(ours)  # or mmpose's classes are not there
    from hrnet_mm.pose.transforms import META_KEYS

    assert set(packed) <= set(META_KEYS)


def stock_seg_name(path: Path) -> str:
    """The MMSegmentation config that a leaf of ours stands for."""
    kind = 'ocrnet' if 'ocr' in path.stem else 'fcn'
    width = 'hr18s' if 'small' in path.stem else 'hr18'
    return f'{kind}_{width}_4xb2-160k_cityscapes-512x1024.py'


@pytest.mark.parametrize(
    'path',
    [
        p
        for p in SEG
        if '_w18_' in p.stem and 'small_v1' not in p.stem and p not in DEPTH
    ],
    ids=str,
)
def test_the_recipes_of_mmseg_are_mmseg_s(path):
    mmseg = pytest.importorskip('mmseg')
    folder = Path(mmseg.__file__).parent / '.mim/configs'
    (stock,) = folder.rglob(stock_seg_name(path))
    ours, theirs = config(path), Config.fromfile(str(stock))
    assert dict(ours.optim_wrapper.optimizer) == dict(theirs.optim_wrapper.optimizer)
    images = 2975
    steps = ours.train_cfg.max_epochs * (images // ours.auto_scale_lr.base_batch_size)
    assert steps == pytest.approx(theirs.train_cfg.max_iters, rel=0.01)
    for key in ('power', 'eta_min'):
        assert ours.param_scheduler[0][key] == theirs.param_scheduler[0][key]
    steps = stock_steps(ours.train_dataloader.dataset.pipeline)
    assert steps == theirs.train_dataloader.dataset.pipeline
    heads, their_heads = (
        h if isinstance(h, list) else [h]
        for h in (ours.model.decode_head, theirs.model.decode_head)
    )
    for head, their_head in zip(heads, their_heads, strict=True):
        assert head.align_corners == their_head.align_corners
        assert head.loss_decode.type == f'mmseg.{their_head.loss_decode.type}'
        assert (
            head.loss_decode.get('loss_weight', 1) == their_head.loss_decode.loss_weight
        )


@pytest.mark.parametrize('path', SEG, ids=str)
def test_corners_are_aligned_everywhere_or_nowhere(path):
    """Published weights are right with one value, and no shape tells which."""
    model = config(path).model
    heads = (
        model.decode_head
        if isinstance(model.decode_head, list)
        else [model.decode_head]
    )
    told = [
        model.backbone.upsample_cfg.align_corners,
        model.neck.align_corners,
        *(head.align_corners for head in heads),
    ]
    aligned = told[0]
    assert told == [aligned] * len(told)
    if 'w48' in path.stem:  # parity.md 4.1
        trained = (
            'ocr' in path.stem or 'ade20k' in path.stem or 'coco-stuff' in path.stem
        )
        assert aligned == trained


@pytest.mark.parametrize('path', SEG, ids=str)
def test_seg_configs_are_ready_for_many_gpus(path):
    cfg = config(path)
    assert cfg.auto_scale_lr.base_batch_size
    best = 'abs_rel' if path in DEPTH else 'mIoU'
    assert cfg.default_hooks.checkpoint.save_best == best
    assert cfg.default_hooks.visualization.draw
    assert cfg.train_dataloader.drop_last
    assert cfg.optim_wrapper.type == 'OptimWrapper'  # mmseg's --amp reads it
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.pipeline[-1].type == 'PackSegInputs'
        assert loader.dataset.test_mode
    (augmented,) = [t for t in cfg.tta_pipeline if t.type == 'TestTimeAug']
    assert [t.prob for t in augmented.transforms[1]] == [0.0, 1.0]


@pytest.mark.parametrize('path', [p for p in CLS if p not in TINY], ids=str)
def test_the_imagenet_recipes_are_official(path):
    """HRNet-Image-Classification, experiments/*.yaml: 4 x 32 images."""
    cfg = config(path)
    optimizer = dict(
        type='SGD', lr=0.05, momentum=0.9, weight_decay=1e-4, nesterov=True
    )
    assert dict(cfg.optim_wrapper.optimizer) == optimizer
    assert cfg.train_dataloader.batch_size == 32
    assert cfg.auto_scale_lr.base_batch_size == 128
    (schedule,) = cfg.param_scheduler
    if 'cutmix' in path.stem:
        assert (cfg.train_cfg.max_epochs, schedule.end) == (300, 300)
        assert cfg.model.train_cfg.augments.type == 'CutMix'
        assert cfg.model.data_preprocessor.num_classes == 1000
    else:
        assert cfg.train_cfg.max_epochs == 100
        assert (schedule.milestones, schedule.gamma) == ([30, 60, 90], 0.1)
        assert 'train_cfg' not in cfg.model


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_the_imagenet_crops_are_mmpretrain_s(split):
    mmpretrain = pytest.importorskip('mmpretrain')
    folder = Path(mmpretrain.__file__).parent / '.mim/configs/hrnet'
    stock = Config.fromfile(str(folder / 'hrnet-w18_4xb32_in1k.py'))
    ours = config(Path('cls/hrnetc_w18_imagenet.py'))
    mine, theirs = (c[f'{split}_dataloader'].dataset for c in (ours, stock))
    assert stock_steps(mine.pipeline) == theirs.pipeline
    assert mine.split == theirs.split
    preprocessors = ours.model.data_preprocessor, stock.data_preprocessor
    for key in ('mean', 'std', 'to_rgb'):
        assert preprocessors[0][key] == preprocessors[1][key]


@pytest.mark.parametrize('path', CLS, ids=str)
def test_cls_configs_are_ready_for_many_gpus(path):
    cfg = config(path)
    assert cfg.default_hooks.checkpoint.save_best == 'accuracy/top1'
    assert cfg.default_hooks.visualization.enable
    assert cfg.randomness.seed is not None
    assert cfg.train_dataloader.sampler.type == 'hrnet_mm.SeededSampler'
    assert cfg.optim_wrapper.type == 'OptimWrapper'


# HRNet-Semantic-Segmentation, experiments/*/*.yaml: epochs, batch, rate, decay, scales
OFFICIAL = {
    'hrnetv2_w48_cityscapes': (484, 12, 1e-2, 5e-4, 2.1),
    'hrnetv2-ocr_w48_cityscapes': (484, 12, 1e-2, 5e-4, 2.1),
    'hrnetv2_w48_lip': (150, 40, 7e-3, 5e-4, 1.6),
    'hrnetv2-ocr_w48_lip': (150, 40, 7e-3, 5e-4, 1.6),
    'hrnetv2_w48_pascal': (200, 16, 4e-3, 1e-4, 2.1),
    'hrnetv2-ocr_w48_pascal': (200, 16, 1e-3, 1e-4, 2.1),
    'hrnetv2_w48_ade20k': (120, 16, 2e-2, 1e-4, 1.6),
    'hrnetv2-ocr_w48_ade20k': (120, 16, 2e-2, 1e-4, 2.1),
    'hrnetv2_w48_coco': (110, 16, 1e-3, 1e-4, 2.1),
    'hrnetv2-ocr_w48_coco': (110, 16, 1e-3, 1e-4, 2.1),
}


@pytest.mark.parametrize(
    'path',
    [
        p
        for p in SEG
        if '_w48_' in p.stem and 'trainval' not in p.stem and p not in DEPTH
    ],
    ids=str,
)
def test_the_official_recipes_are_official(path):
    cfg = config(path)
    (name,) = [name for name in OFFICIAL if path.stem.startswith(name)]
    epochs, batch, rate, decay, largest = OFFICIAL[name]
    optimizer = cfg.optim_wrapper.optimizer
    assert (cfg.train_cfg.max_epochs, cfg.auto_scale_lr.base_batch_size) == (
        epochs,
        batch,
    )
    assert (optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (
        rate,
        0.9,
        decay,
    )
    (schedule,) = cfg.param_scheduler
    assert (schedule.power, schedule.eta_min, schedule.end) == (0.9, 0, epochs)
    (resize,) = [
        t for t in cfg.train_dataloader.dataset.pipeline if t.type == 'RandomResize'
    ]
    assert resize.ratio_range == (0.5, largest)
    protocol = ENTRIES[str(path)]['Metadata']['Evaluated on']
    scales = re.search(r'(\d) scales', protocol)
    (tta,) = [t for t in cfg.tta_pipeline if t.type == 'TestTimeAug']
    if scales:
        assert len(tta.transforms[0]) == int(scales[1])


def test_the_options_in_readme_and_recipes_are_those_of_each_library(root):
    """mmpose's script has options that mmseg's has not."""
    pages = [root / 'README.md', *(root / 'docs').glob('*.md')]
    text = ''.join(page.read_text() for page in pages)
    lines = re.findall(r'mim (train|test) (mm\w+) ([^\n`]*)', text)
    of_mim = {'--checkpoint', '--gpus', '--gpus-per-node', '--partition', '--srun-args'}
    of_slurm = {'--time'}
    assert len(lines) > 5
    for kind, library, rest in lines:
        module = pytest.importorskip(library)
        script = Path(module.__file__).parent / f'.mim/tools/{kind}.py'
        known = script.read_text()
        for option in set(re.findall(r'--[a-z-]+', rest)) - of_mim - of_slurm:
            assert f"'{option}'" in known, f'mim {kind} {library} {option}'


@pytest.mark.parametrize(
    ('task', 'leaf'),
    [
        ('pose', 'hrnet_w32_coco-256x192.py'),
        ('seg', 'hrnetv2_w48_ade20k-520x520.py'),
        ('det', 'fcos_hrnetv2p_w18_coco-1x.py'),
        ('cls', 'hrnetc_w48_imagenet.py'),
        ('universal', 'universal_w18_small_v1_tiny.py'),
    ],
)
def test_visualization_is_switched_off_by_its_name(task, leaf, root):
    scopes = {library.folder: s for s, library in LIBRARIES.items()}
    pytest.importorskip(scopes.get(task, 'hrnet_mm'))
    cfg = Config.fromfile(root / 'configs' / task / leaf)
    init_default_scope(cfg.default_scope)
    visualizer = dict(cfg.visualizer, name=leaf, vis_backends=None)
    VISUALIZERS.build(visualizer)  # hooks ask for the current one
    settings = dict(cfg.default_hooks.visualization, interval=1, enable=False)
    hook = HOOKS.build(settings)
    runner = SimpleNamespace(train_loop=None, iter=0, epoch=0)
    hook.after_val_iter(runner, 0, {}, [None])  # a hook that draws fails at None
