"""Exported models answer what the models answer, without OpenMMLab."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from alone import run_alone
from click.testing import CliRunner
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

import hrnet_mm
from hrnet_mm.cli import main
from hrnet_mm.inference import export, standalone
from hrnet_mm.inference.export import FORMATS, check_format, compare, read_images, write
from hrnet_mm.inference.exported_model import Exported, ExportedModel
from hrnet_mm.inference.model_facts import read_facts
from hrnet_mm.tiny_people import TinyPeople

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs'
LEAVES = {
    'mmpose': 'pose/hrnet_w18_small_v1_tiny-pose.py',
    'mmseg': 'seg/hrnetv2-ocr_w18_small_v1_tiny-seg.py',
    'mmpretrain': 'cls/hrnetc_w18_small_v1_tiny-cls.py',
    'depth': 'seg/hrnetv2-depth_w18_small_v1_tiny-depth.py',
}


@pytest.fixture
def cfg(monkeypatch, tmp_path):
    """A config of a library."""

    def read(library: str) -> Config:
        monkeypatch.setenv('TINY_PEOPLE', str(tmp_path))
        cfg = Config.fromfile(str(CONFIGS / LEAVES[library]))
        pytest.importorskip(cfg.default_scope)
        init_default_scope(cfg.default_scope)
        return cfg

    return read


@pytest.fixture
def model(randomised):
    """The model of a config."""
    return lambda cfg: randomised(MODELS.build(cfg.model)).eval()


@pytest.fixture
def picture(tmp_path) -> Path:
    """A scene of TinyPeople, as a file."""
    path = tmp_path / 'scene.png'
    cv2.imwrite(str(path), TinyPeople().scene('test', 1).image)
    return path


def use_udp(config: Config) -> None:
    """As the recipes with UDP do."""
    codec = config.codec
    codec.type = 'UDPHeatmap'
    codec.pop('unbiased', None)
    config.model.head.decoder = codec
    for step in config.test_dataloader.dataset.pipeline:
        if step.type == 'TopdownAffine':
            step.use_udp = True


traces = pytest.mark.skipif(not export.can_trace(), reason='export needs torch >= 2.6')


def needs(name: str) -> None:
    for package in FORMATS[name].needs:
        pytest.importorskip(package)


@traces
@pytest.mark.parametrize(
    ('library', 'name', 'dynamic'),
    [
        ('mmpose', 'onnx', False),
        pytest.param('mmpose', 'openvino', True, marks=pytest.mark.jobs),
        ('mmseg', 'onnx', True),
        pytest.param('mmseg', 'openvino', False, marks=pytest.mark.jobs),
        pytest.param('mmseg', 'torch-export', True, marks=pytest.mark.jobs),
        pytest.param('mmpretrain', 'onnx', False, marks=pytest.mark.jobs),
        ('mmpretrain', 'torch-export', False),
        pytest.param('depth', 'onnx', True, marks=pytest.mark.jobs),
        pytest.param('depth', 'openvino', False, marks=pytest.mark.jobs),
    ],
)
def test_files_answer_what_models_answer(library, name, dynamic, cfg, model, tmp_path):
    needs(name)
    config = cfg(library)
    facts, network = read_facts(config), model(config)
    slow = ExportedModel(network, facts['task']).eval()
    fast = ExportedModel(hrnet_mm.deploy(network), facts['task']).eval()
    path = write(fast, facts, name, tmp_path / 'new', dynamic=dynamic)
    given = read_images([], facts, 1)
    if dynamic:
        given += read_images([], facts | dict(size=(96, 160)), 4)
    difference = compare(path, slow, given)
    assert difference.mean <= difference.largest < 1e-4


def test_images_have_the_channels_of_the_trunk(cfg, model, tmp_path, monkeypatch):
    config = cfg('mmpose')
    config.model.backbone.in_channels = 1
    config.model.data_preprocessor.update(mean=[120.0], std=[60.0], bgr_to_rgb=False)
    config.test_dataloader.dataset.pipeline[0].color_type = 'grayscale'
    facts = read_facts(config)
    assert facts['channels'] == 1
    assert facts['color_type'] == 'grayscale'
    assert not facts['rgb']

    answer = ExportedModel(model(config), facts['task']).eval()
    traced = []
    monkeypatch.setattr(export, 'trace', lambda module, x, **kwargs: traced.append(x))
    monkeypatch.setitem(FORMATS, 'x', export.Format('.x', lambda *args: None, ()))
    write(answer, facts, 'x', tmp_path / 'new')
    images = [*traced, *map(torch.from_numpy, read_images([], facts, 2))]
    with torch.no_grad():
        assert [answer(x).shape for x in images] == [(n, 17, 32, 24) for n in (1, 2, 2)]

    scene = TinyPeople().scene('test', 1).image
    cv2.imwrite(str(tmp_path / 'x.png'), scene)
    image = standalone.read(tmp_path / 'x.png', facts)
    assert image.shape == scene.shape[:2]
    with torch.no_grad():
        found = standalone.predict(
            lambda x: [answer(torch.from_numpy(x)).numpy()], facts, image, None
        )
    assert len(found['joints']) == 17
    assert found['picture'].shape == scene.shape


def test_run_reads_images_as_the_config_does(tmp_path):
    facts = dict(channels=4, color_type='unchanged', rgb=True)
    image = np.arange(32, dtype=np.uint8).reshape(2, 4, 4)
    cv2.imwrite(str(tmp_path / 'x.png'), image)
    read = standalone.read(tmp_path / 'x.png', facts)
    np.testing.assert_array_equal(
        standalone.make_batch([read], facts)[0], image.transpose(2, 0, 1)
    )
    assert standalone.drawable(read).tolist() == image[..., :3].tolist()
    deep = np.array([[1000, 3000]], np.uint16)
    assert standalone.drawable(deep).tolist() == [[[0] * 3, [255] * 3]]
    with pytest.raises(ValueError, match=r'4 channels, and the model takes 3'):
        standalone.read(tmp_path / 'x.png', facts | dict(channels=3))
    three = facts | dict(channels=3, color_type='color')
    read = standalone.read(tmp_path / 'x.png', three)
    np.testing.assert_array_equal(
        standalone.make_batch([read], three)[0], image[..., 2::-1].transpose(2, 0, 1)
    )
    as_read = standalone.make_batch([read], three | dict(rgb=False))[0]
    np.testing.assert_array_equal(as_read, image[..., :3].transpose(2, 0, 1))


@traces
def test_a_folder_holds_one_model(cfg, model, tmp_path):
    config = cfg('mmpretrain')
    answer = ExportedModel(model(config), 'classification').eval()
    (tmp_path / 'model.onnx').write_text('old')
    (tmp_path / 'model.bin').write_text('old')
    write(answer, read_facts(config), 'torch-export', tmp_path)
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {'model.pt2', 'model.json', 'run.py'}


@traces
@pytest.mark.jobs
class TestRun:
    """`run.py` sees what the libraries see."""

    @pytest.fixture
    def exported(self, cfg, model, tmp_path):
        def export(library: str, change=lambda config: None):
            config = cfg(library)
            change(config)
            network = model(config)
            if library == 'mmpose':  # where a heatmap is negative, mmpose sees nothing
                network.head.final_layer.bias.data += 5
            facts = read_facts(config)
            answer = ExportedModel(network, facts['task']).eval()
            path = write(answer, facts, 'torch-export', tmp_path / 'new')
            facts = json.loads((tmp_path / 'new/model.json').read_text())
            weights = tmp_path / 'weights.pth'
            torch.save(network.state_dict(), weights)
            file = tmp_path / 'config.py'
            config.dump(file)
            return standalone.load(path), facts, str(file), str(weights)

        return export

    @pytest.mark.parametrize('change', [lambda config: None, use_udp])
    @pytest.mark.parametrize('box', [None, [20.0, 10.0, 50.0, 90.0]])
    def test_joints(self, exported, picture, box, change):
        loaded, facts, config, weights = exported('mmpose', change)
        from mmpose.apis import inference_topdown, init_model

        image = cv2.imread(str(picture))
        found = standalone.predict(loaded, facts, image, box)
        network = init_model(config, weights, device='cpu')
        boxes = None if box is None else np.array([box])
        (sample,) = inference_topdown(network, image, boxes, bbox_format='xywh')
        joints = np.array([*found['joints'].values()])
        wanted = sample.pred_instances
        # pixels; DARK refines on the flat heatmaps of a net from scratch, which makes
        # much of rounding
        np.testing.assert_allclose(joints[:, :2], wanted.keypoints[0], atol=0.2)
        np.testing.assert_allclose(joints[:, 2], wanted.keypoint_scores[0], rtol=1e-3)
        assert [*found['joints']][:2] == ['nose', 'left_eye']
        assert found['picture'].shape == image.shape
        assert (found['picture'] != image).any()

    def test_joints_without_dark(self):
        from mmpose.codecs.utils import refine_keypoints

        heatmaps = np.random.default_rng(0).random((17, 32, 24), np.float32)
        cells, _ = standalone.find_peaks(heatmaps)
        wanted = refine_keypoints(cells[None].copy(), heatmaps)[0]
        np.testing.assert_allclose(
            standalone.refine_by_quarter(cells, heatmaps), wanted
        )

    def test_labels(self, exported, picture):
        loaded, facts, config, weights = exported('mmseg')
        from mmseg.apis import MMSegInferencer

        image = cv2.imread(str(picture))
        found = standalone.predict(loaded, facts, image, None)
        infer = MMSegInferencer(config, weights, device='cpu', classes=None)
        wanted = infer(image)['predictions']
        assert (found['labels'] == wanted).mean() > 0.999
        assert sum(found['shares'].values()) == pytest.approx(1)
        assert found['picture'].shape == image.shape

    def test_depth(self, exported, picture, tmp_path):
        loaded, facts, config, weights = exported('depth')
        from hrnet_mm.inference.inferencer import inferencer

        image = cv2.imread(str(picture))
        found = standalone.predict(loaded, facts, image, None)
        infer = inferencer(config, weights, device='cpu')
        wanted = infer(image, return_datasamples=True).pred_depth_map.data[0].numpy()
        np.testing.assert_allclose(found['depth'], wanted, atol=1e-3)
        assert found['metres']['farthest'] == pytest.approx(wanted.max(), abs=1e-3)
        (shown,) = run_alone(tmp_path / 'new/run.py', picture, torch=True)
        stored = cv2.imread(str(tmp_path / shown['depth']), cv2.IMREAD_UNCHANGED)
        np.testing.assert_allclose(stored / 256, wanted, atol=0.01)

    def test_classes(self, exported, picture):
        loaded, facts, config, weights = exported('mmpretrain')
        from mmpretrain.apis import ImageClassificationInferencer

        image = cv2.imread(str(picture))
        found = standalone.predict(loaded, facts, image, None)['classes']
        infer = ImageClassificationInferencer(config, pretrained=weights, device='cpu')
        (wanted,) = infer(image)
        best = next(iter(found))
        assert facts['names'].index(best) == wanted['pred_label']
        assert found[best] == pytest.approx(wanted['pred_score'], rel=0.01)

    def test_it_needs_nothing_of_openmmlab(self, exported, picture, tmp_path):
        exported('mmseg')
        (found,) = run_alone(tmp_path / 'new/run.py', picture, torch=True)
        assert set(found['shares']) == {'background', 'head', 'torso', 'arms', 'legs'}
        assert cv2.imread(str(tmp_path / found['picture'])) is not None


def test_run_reads_folders_and_videos(tmp_path):
    facts = dict(channels=3, color_type='color', rgb=True)
    frames = [np.full((32, 48, 3), value, np.uint8) for value in (40, 200)]
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/notes.txt').write_text('')
    video = cv2.VideoWriter(
        str(tmp_path / 'x.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 5, (48, 32)
    )
    for index, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / f'images/{index}.png'), frame)
        video.write(frame)
    video.release()
    for source, names in (('images', ['0', '1']), ('x.avi', ['x_000000', 'x_000001'])):
        found = [*standalone.sources(tmp_path / source, facts)]
        assert [Path(name).stem for name, _ in found] == names
        for (_, image), frame in zip(found, frames, strict=True):
            np.testing.assert_allclose(image, frame, atol=3)
    ((_, grey), _) = standalone.sources(tmp_path / 'x.avi', facts | dict(channels=1))
    assert grey.shape == (32, 48)
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'text.mp4').write_text('no')
    for source, reason in (('empty', 'holds no images'), ('text.mp4', 'is no video')):
        with pytest.raises(ValueError, match=reason):
            [*standalone.sources(tmp_path / source, facts)]
    with pytest.raises(ValueError, match='the model takes 4 channels'):
        [*standalone.sources(tmp_path / 'x.avi', facts | dict(channels=4))]


def test_a_box_is_for_poses():
    with pytest.raises(ValueError, match='for pose models only, and this is segm'):
        standalone.predict(None, dict(task='segmentation'), None, [0, 0, 9, 9])


@pytest.mark.parametrize('shape', [(60, 100), (100, 60)])
def test_a_class_is_seen_in_the_middle(shape):
    """The shorter edge is scaled, the middle cut out: as ImageNet is tested."""
    seen = []

    def loaded(x):
        seen.append(x)
        return [np.ones((1, 3), np.float32)]

    facts = dict(
        task='classification', size=[28, 28], edge=32, names=['a', 'b', 'c'], rgb=True
    )
    image = np.zeros((*shape, 3), np.uint8)
    image[shape[0] // 2 - 4 : shape[0] // 2 + 4, shape[1] // 2 - 4 :][:, :8] = 255
    standalone.predict(loaded, facts, image, None)
    (x,) = seen
    assert x.shape == (1, 3, 28, 28)
    rows, columns = np.nonzero(x[0, 0] > 128)
    assert abs(rows.mean() - 13.5) <= 1
    assert abs(columns.mean() - 13.5) <= 1


@traces
@pytest.mark.jobs
class TestCommand:
    """`hrnet-mm export`."""

    @pytest.fixture
    def arguments(self, cfg, model, tmp_path):
        weights = tmp_path / 'weights.pth'
        torch.save(model(cfg('mmpretrain')).state_dict(), weights)
        leaf = str(CONFIGS / LEAVES['mmpretrain'])
        return ['export', leaf, str(weights), '--output', str(tmp_path / 'new')]

    def test_says_how_near_it_is(self, arguments, picture, tmp_path):
        options = ['--format', 'torch-export', '--image', str(picture), '--batch', '2']
        done = CliRunner().invoke(main, [*arguments, *options])
        assert done.exit_code == 0, done.output
        assert 'on 2 images it differs from the model by at most' in done.output
        assert (tmp_path / 'new/run.py').is_file()

    def test_fails_beyond_the_tolerance(self, arguments, monkeypatch):
        far = export.Difference(0.1, 0.01)
        monkeypatch.setattr('hrnet_mm.inference.export.compare', lambda *args: far)
        done = CliRunner().invoke(main, [*arguments, '--format', 'torch-export'])
        assert done.exit_code == 1
        assert '1.0e-01' in done.output

    def test_names_the_package_that_is_missing(self, arguments, monkeypatch):
        missing = export.Format('.x', lambda *args: None, ('not_there',))
        monkeypatch.setitem(FORMATS, 'onnx', missing)
        done = CliRunner().invoke(main, [*arguments, '--format', 'onnx'])
        assert done.exit_code == 1
        assert 'pip install not_there' in done.output

    def test_refuses_what_is_no_image(self, arguments, tmp_path):
        text = tmp_path / 'image.png'
        text.write_text('no')
        options = ['--format', 'torch-export', '--image', str(text)]
        done = CliRunner().invoke(main, [*arguments, *options])
        assert done.exit_code == 1
        assert 'image.png is no image' in done.output

    @pytest.mark.parametrize('leaf', ['panoptic-fpn_hrnetv2p', 'panoptic-deeplab'])
    def test_refuses_panoptic_models(self, leaf, tmp_path, monkeypatch):
        pytest.importorskip('mmdet')
        monkeypatch.setenv('TINY_PEOPLE', str(tmp_path))
        leaf = str(CONFIGS / f'det/{leaf}_w18_small_v1_tiny-panoptic.py')
        (tmp_path / 'x.pth').write_text('')
        command = ['export', leaf, str(tmp_path / 'x.pth'), '--format', 'torch-export']
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 1
        assert 'panoptic models cannot be exported' in done.output


class Same(Exported):
    """A model that returns its input."""

    def forward(self, image):
        return image


def test_numbers_that_are_none_differ_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(standalone, 'load', lambda path: lambda x: [x * np.nan])
    same = Same(SimpleNamespace(data_preprocessor=None))
    found = compare(tmp_path, same, [np.ones((1, 3, 4, 4), np.float32)])
    assert found.largest == np.inf


def test_formats_are_checked_before_anything_is_computed():
    for name, form in FORMATS.items():
        if export.can_trace() and all(map(find_spec, form.needs)):
            check_format(name)
        else:
            with pytest.raises(ValueError, match='pip install'):
                check_format(name)


def test_an_old_torch_is_refused(monkeypatch):
    monkeypatch.setattr(export, 'can_trace', lambda: False)
    with pytest.raises(ValueError, match=r"needs torch>=2\.6: .* 'torch>=2\.6'"):
        check_format('torch-export')


def test_other_codecs_are_refused(cfg):
    config = cfg('mmpose')
    config.model.head.decoder = dict(type='UDPHeatmap', heatmap_type='combined')
    with pytest.raises(ValueError, match=r"'combined'.*: run\.py knows MSRAHeatmap"):
        read_facts(config)
