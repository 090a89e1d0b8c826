"""Models of ours by name, in the stock inferencers."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import official
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

import hrnet_mm
from hrnet_mm.checkpoints import CheckpointError, zoo
from hrnet_mm.tiny_people import TinyPeople

TINY = {
    'mmpose': ('pose/hrnet_w18_small_v1_tiny-pose.py', dict(det_model='whole_image')),
    'mmseg': ('seg/hrnetv2_w18_small_v1_tiny-seg.py', {}),
    'mmdet': ('det/faster-rcnn_hrnetv2p_w18_small_v1_tiny-det.py', {}),
    'mmpretrain': ('cls/hrnetc_w18_small_v1_tiny-cls.py', {}),
}


@pytest.fixture(params=TINY)
def tiny(request, root, tmp_path, monkeypatch, few_people):
    """A model of the index whose weights are in the cache."""
    pytest.importorskip(request.param)
    config, kwargs = TINY[request.param]
    monkeypatch.setenv('TINY_PEOPLE', str(few_people))
    monkeypatch.setenv('HRNET_MM_CACHE', str(tmp_path))
    cfg = Config.fromfile(root / 'configs' / config)
    init_default_scope(cfg.default_scope)
    state = MODELS.build(cfg.model).state_dict()
    torch.save(dict(meta={}, state_dict=state), tmp_path / 'tiny.pth')
    mirrors = (zoo.make_mirror('https://example.com/tiny.pth'),)
    model = zoo.Weights('tiny', mirrors, 'TinyPeople', root / 'configs' / config)
    monkeypatch.setitem(zoo.weights(), 'tiny', model)
    monkeypatch.setattr(zoo, 'models', lambda: {'tiny': model})
    return kwargs


def test_a_name_is_enough(tiny):
    infer = hrnet_mm.inferencer('tiny', device='cpu', **tiny)
    image = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    result = infer(image)
    assert next(result) if hasattr(result, '__next__') else result


@pytest.mark.parametrize(
    'name',
    [
        'pose/hrnet_w18_small_v1_tiny-pose',
        'pose/hrnet-ae_w18_small_v1_tiny-crowd',
        'pose/higher-hrnet_w18_small_v1_tiny-crowd',
    ],
)
def test_files_of_mmpose_0_are_read(name, few_people, tmp_path, root, monkeypatch):
    pytest.importorskip('mmpose')
    config = root / f'configs/{name}.py'
    for variable in ('TINY_CROWD', 'TINY_PEOPLE'):
        monkeypatch.setenv(variable, str(few_people))
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(1)
    state = MODELS.build(cfg.model).state_dict()
    changes = [('head.', 'keypoint_head.')]
    if '-ae' in name:
        changes.append(('final_layers.0', 'final_layer'))
    old = dict(state)
    for ours, theirs in changes:
        old = {key.replace(ours, theirs): value for key, value in old.items()}
    torch.save(dict(meta={}, state_dict=old), tmp_path / 'old.pth')
    kwargs = dict(device='cpu', det_model='whole_image')
    infer = hrnet_mm.inferencer(str(config), str(tmp_path / 'old.pth'), **kwargs)
    loaded = infer.inferencer.model.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())
    assert 'predictions' in next(infer(np.zeros((96, 96, 3), np.uint8)))


def test_weights_of_another_code_base_are_renamed(tmp_path, root):
    """The stock inferencers would go on with random numbers."""
    pytest.importorskip('mmpose')
    model = official.Pose()
    torch.save(model.state_dict(), tmp_path / 'official.pth')
    config = str(root / 'configs/pose/hrnet_w18_small_v1_tiny-pose.py')
    file = str(tmp_path / 'official.pth')
    infer = hrnet_mm.inferencer(config, file, det_model='whole_image')
    loaded = infer.inferencer.model.state_dict()
    for theirs, ours in (
        ('final_layer', 'head.final_layer'),
        ('conv1', 'backbone.conv1'),
    ):
        expected = model.state_dict()[f'{theirs}.weight']
        assert torch.equal(loaded[f'{ours}.weight'].cpu(), expected)


def test_weights_that_lack_a_part_are_refused(tmp_path, root):
    """The stock inferencers log it, and predict with a random head."""
    pytest.importorskip('mmpose')
    trunk = dict(official.Pose().state_dict())
    del trunk['final_layer.weight'], trunk['final_layer.bias']
    torch.save(trunk, tmp_path / 'trunk.pth')
    config = str(root / 'configs/pose/hrnet_w18_small_v1_tiny-pose.py')
    with pytest.raises(CheckpointError, match=r'trunk\.pth'):
        hrnet_mm.inferencer(config, str(tmp_path / 'trunk.pth'))


@pytest.mark.parametrize(
    ('name', 'what'),
    [
        ('hrnet_w48_cocoo', r"no weights 'hrnet_w48_cocoo'.* names: hrnet_w48_coco"),
        ('hrnet_w18_small_v1_tiny-pose', 'a config without published weights'),
    ],
)
def test_an_unknown_name_is_told_the_nearest(name, what):
    with pytest.raises(ValueError, match=what):
        hrnet_mm.inferencer(name)


def test_a_config_needs_weights():
    with pytest.raises(ValueError, match=r'give the weights of my\.py'):
        hrnet_mm.inferencer('my.py')


def upstream_models() -> dict[str, dict]:
    """Every entry of the metafiles of the four libraries."""
    found = {}
    for library in TINY:
        if (spec := find_spec(library)) is None:
            pytest.skip(f'{library} is not installed')
        for path in (Path(spec.origin).parent / '.mim/configs').rglob('*.y*ml'):
            content = yaml.safe_load(path.read_text())
            models = content.get('Models') if isinstance(content, dict) else content
            for entry in models or ():
                found.setdefault(entry['Name'], []).append(entry)
    return found


def test_weights_and_scores_are_those_of_the_libraries(root):
    upstream = upstream_models()
    entries = [
        entry
        for path in (root / 'configs').glob('*/metafile.yml')
        for entry in yaml.safe_load(path.read_text())['Models']
        if 'Weights' in entry
    ]
    assert len(entries) == len(zoo.models()) == 144
    # its later versions have none of these
    mmpose_0 = ('associative_embedding_', 'topdown_heatmap_')
    kept = [e for e in entries if not e['Metadata']['Trained as'].startswith(mmpose_0)]
    assert len(kept) == 118
    for entry in kept:
        published = [
            as_ours(row['Metrics'], entry['Name'])
            for stock in upstream[entry['Metadata']['Trained as']]
            if stock['Weights'] == entry['Weights']
            for row in as_list(stock['Results'])
        ]
        for row in entry['Results']:
            assert row['Metrics'] in published, entry['Name']
    without = [e['Name'] for e in entries if not zoo.CHECKSUM.search(e['Weights'])]
    assert without == ['hrnet_w32_exlpose-256x192']


def as_list(value):
    return value if isinstance(value, list) else [value]


def as_ours(metrics: dict[str, float], name: str) -> dict[str, float]:
    """Metrics of MMPose's metafiles, with names and units that are right."""
    names = {}
    if 'crowdpose' in name:
        names = {'AP (L)': 'AP (H)'}  # of the hard images
    if name == 'hrnetv2_w18_rhd2d-256x256_udp':
        names = {'PCKh@0.7': 'PCK@0.2'}  # RHD has no heads
    return {
        names.get(key, key): _in_our_unit(key, value, name)
        for key, value in metrics.items()
    }


def _in_our_unit(key: str, value: float, name: str) -> float:
    if key.startswith('NME') and value < 1:
        return round(100 * value, 4)  # NME is a percentage
    if 'deepfashion' in name and key.startswith(('PCK', 'AUC')):
        return round(value / 100, 4)  # and these are shares
    return value


def test_each_config_of_the_index_is_named_like_its_model():
    for name, model in zoo.models().items():
        assert model.config.is_file()
        assert model.config.stem == name


def test_files_of_september_2022_and_of_torch_compile_are_read(tiny, tmp_path):
    """The stock inferencers load nothing of the latter, and go on."""
    file = torch.load(tmp_path / 'tiny.pth', weights_only=True)
    statistics = {'data_preprocessor.mean': torch.zeros(3, 1, 1)}
    state = file['state_dict'] | statistics
    torch.save(dict(meta={}, state_dict=state), tmp_path / 'tiny.pth')
    hrnet_mm.inferencer('tiny', device='cpu', **tiny)
    state = {f'_orig_mod.{name}': value for name, value in state.items()}
    torch.save(dict(meta={}, state_dict=state), tmp_path / 'tiny.pth')
    infer = hrnet_mm.inferencer('tiny', device='cpu', **tiny)
    loaded = getattr(infer, 'inferencer', infer).model.state_dict()
    assert all(torch.equal(loaded[key], state[f'_orig_mod.{key}']) for key in loaded)


@pytest.fixture
def build(few_people, root, tmp_path, monkeypatch):
    """An inferencer of an untrained model, of a config that may be changed."""

    def made(library: str, change=lambda cfg: None, **kwargs):
        pytest.importorskip(library)
        config, own = TINY[library]
        monkeypatch.setenv('TINY_PEOPLE', str(few_people))
        cfg = Config.fromfile(root / 'configs' / config)
        change(cfg)
        init_default_scope(cfg.default_scope)
        torch.manual_seed(0)
        state = MODELS.build(cfg.model).state_dict()
        torch.save(dict(meta={}, state_dict=state), tmp_path / 'x.pth')
        cfg.dump(tmp_path / 'x.json')
        files = str(tmp_path / 'x.json'), str(tmp_path / 'x.pth')
        return hrnet_mm.inferencer(*files, device='cpu', **(own | kwargs))

    return made


def seen(infer, image, **kwargs):
    """What an inferencer says of one image, as text."""
    result = infer(image, **kwargs)
    if hasattr(result, '__next__'):
        result = next(result)
    found = result if isinstance(result, list) else result['predictions']
    with np.printoptions(threshold=sys.maxsize):
        return repr(found)


SCENE = TinyPeople().scene('test', 1).image
BLUE = np.ascontiguousarray(SCENE[..., 0])


def of_one_channel(cfg: Config) -> None:
    for step in cfg.test_dataloader.dataset.pipeline:
        if 'LoadImage' in step['type']:
            step['color_type'] = 'grayscale'
    cfg.model.backbone.in_channels = 1
    cfg.model.data_preprocessor.update(mean=[120.0], std=[60.0])
    cfg.model.data_preprocessor.pop('bgr_to_rgb', None)


@pytest.mark.parametrize('library', TINY)
def test_arrays_of_all_kinds_are_seen_as_their_files(library, build, tmp_path):
    infer = build(library)
    kinds = {
        'grey': BLUE,
        'alpha': np.dstack([SCENE, BLUE]),
        '16 bits': SCENE.astype(np.uint16) * 257,
    }
    for kind, image in kinds.items():
        cv2.imwrite(str(tmp_path / 'x.png'), image)
        assert seen(infer, image) == seen(infer, str(tmp_path / 'x.png')), kind


@pytest.mark.parametrize('library', TINY)
def test_a_model_of_grey_images_sees_colour_in_grey(library, build, tmp_path):
    infer = build(library, of_one_channel)
    cv2.imwrite(str(tmp_path / 'x.png'), BLUE)
    grey = np.repeat(BLUE[..., None], 3, axis=2)
    wanted = seen(infer, str(tmp_path / 'x.png'))
    assert seen(infer, grey) == seen(infer, BLUE) == wanted
    drawing = dict(
        mmpose=dict(vis_out_dir=str(tmp_path / 'out')),
        mmpretrain=dict(show_dir=str(tmp_path / 'out')),
    )
    seen(infer, BLUE, **drawing.get(library, dict(out_dir=str(tmp_path / 'out'))))
    (drawn,) = [p for p in (tmp_path / 'out').rglob('*.*g') if '_pred' not in p.name]
    assert cv2.imread(str(drawn)).ndim == 3


def test_a_wrong_number_of_channels_is_said(build):
    def unchanged(cfg: Config) -> None:
        cfg.test_dataloader.dataset.pipeline[0]['color_type'] = 'unchanged'

    infer = build('mmseg', unchanged)
    with pytest.raises(ValueError, match=r'has 4 channels, and the model takes 3'):
        infer(np.dstack([SCENE, BLUE]))


def test_a_batch_of_several_sizes_is_segmented(build):
    infer = build('mmseg')
    images = [SCENE, SCENE[:77, :101], SCENE[:77, :101]]
    found = infer(images, batch_size=3)['predictions']
    assert [p.shape for p in found] == [(160, 192), (77, 101), (77, 101)]
    assert (found[1] == infer(images[1])['predictions']).all()


def test_options_of_drawing_hold_for_one_call(build):
    """mmpose keeps openpose's 18 joints, and then refuses the 17 of the model."""
    infer = build('mmpose')
    options = dict(return_vis=True, kpt_thr=-1.0)
    (first,) = next(infer(SCENE, **options))['visualization']
    next(infer(SCENE, skeleton_style='openpose', **options))
    (again,) = next(infer(SCENE, **options))['visualization']
    assert (first == again).all()
    (black,) = next(infer(SCENE, black_background=True, **options))['visualization']
    assert 0 < (black > 0).mean() < 0.5
    next(infer(SCENE, draw_heatmap=True, **options))


def test_the_pipeline_is_found_inside_a_wrapper(build):
    def wrapped(cfg: Config) -> None:
        inner = cfg.test_dataloader.dataset
        cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[inner])

    assert seen(build('mmseg', wrapped), SCENE) == seen(build('mmseg'), SCENE)


NAMES = {
    'mmseg': ('background', 'head', 'torso', 'arms', 'legs'),
    'mmdet': ('person',),
    'mmpretrain': ('arms_up', 'kicking', 'running', 'sitting', 'standing', 'waving'),
}


@pytest.mark.parametrize('library', NAMES)
def test_classes_are_those_of_the_config_if_the_weights_name_none(library, build):
    infer = build(library)
    meta = getattr(infer.model, 'dataset_meta', None)
    names = infer.classes if library == 'mmpretrain' else meta['classes']
    assert tuple(names) == NAMES[library]


def test_the_detector_of_people_takes_the_same_arrays(build, tmp_path):
    detector = build('mmdet')
    config, weights = (tmp_path / f'det{suffix}' for suffix in ('.json', '.pth'))
    detector.cfg.test_dataloader.dataset.pipeline[0].type = 'LoadImageFromFile'
    detector.cfg.dump(config)
    torch.save(dict(meta={}, state_dict=detector.model.state_dict()), weights)
    detecting = dict(det_model=str(config), det_weights=str(weights), det_cat_ids=0)
    infer = build('mmpose', of_one_channel, **detecting)
    assert infer.inferencer.detector is not None
    assert seen(infer, BLUE) == seen(infer, np.repeat(BLUE[..., None], 3, axis=2))
