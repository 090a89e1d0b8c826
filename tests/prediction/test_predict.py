"""`hrnet-mm predict`: what it writes is what `mim test` scores."""

from __future__ import annotations

import csv
import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, METRICS, init_default_scope
from PIL import Image

from hrnet_mm.building import build_model
from hrnet_mm.cli import main
from hrnet_mm.prediction.formats import LabelMaps
from hrnet_mm.prediction.models import split_arguments
from hrnet_mm.prediction.predictor import Predictor
from hrnet_mm.seg.predictor import SegPredictor

POSE = 'pose/hrnet_w18_small_v1_tiny-pose'
BOTTOM_UP = 'pose/higher-hrnet_w18_small_v1_tiny-crowd'
HEADS = 'pose/hrnetv2_w18_small_v1_tiny-heads'
SEG = 'seg/hrnetv2_w18_small_v1_tiny-seg'
DEPTH = 'seg/hrnetv2-depth_w18_small_v1_tiny-depth'
DET = 'det/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det'
CLS = 'cls/hrnetc_w18_small_v1_tiny-cls'


def predict(*arguments: object):
    return CliRunner().invoke(main, ['predict', *map(str, arguments)])


@pytest.fixture
def model(root, few_people, tmp_path, monkeypatch, randomised):
    """Write weights of a config; return its path, the config and the weights."""
    for variable in ('TINY_PEOPLE', 'TINY_CROWD'):
        monkeypatch.setenv(variable, str(few_people))

    def build(name: str) -> tuple[Path, Config, Path]:
        cfg = Config.fromfile(root / f'configs/{name}.py')
        cfg.model.backbone.precision = 'float32'
        pytest.importorskip(cfg.default_scope)
        config, weights = tmp_path / 'config.py', tmp_path / 'weights.pth'
        cfg.dump(config)
        torch.manual_seed(0)
        built = build_model(cfg)
        randomised(built.backbone)
        torch.save(dict(meta={}, state_dict=built.state_dict()), weights)
        return config, cfg, weights

    return build


def test_results(cfg: Config, weights: Path) -> tuple[list, list]:
    """Return samples and results of the test data, as `mim test` computes them."""
    model = build_model(cfg)
    model.load_state_dict(torch.load(weights)['state_dict'])
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    batches = [pseudo_collate([dataset[i]]) for i in range(len(dataset))]
    with torch.no_grad():
        return batches, [model.test_step(batch)[0] for batch in batches]


test_results.__test__ = False


def scored(cfg: Config, weights: Path, folder: Path, kind: str) -> list[dict]:
    """Return the results that the COCO metric of a config scores."""
    init_default_scope(cfg.default_scope)
    evaluator = dict(cfg.test_evaluator, format_only=True)
    metric = METRICS.build(dict(evaluator, outfile_prefix=str(folder / 'stock')))
    batches, results = test_results(cfg, weights)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    metric.dataset_meta = dataset.metainfo
    for batch, result in zip(batches, results, strict=True):
        metric.process(batch, [result.to_dict()])
    metric.evaluate(len(dataset))
    return json.loads((folder / f'stock.{kind}.json').read_text())


def in_order(entries: list[dict]) -> list[tuple]:
    return sorted((it['image_id'], it['bbox'], it['score']) for it in entries)


@pytest.mark.parametrize(
    ('name', 'kind', 'value'),
    [
        (POSE, 'keypoints', 'keypoints'),
        (BOTTOM_UP, 'keypoints', 'keypoints'),
        (DET, 'segm', 'bbox'),
    ],
)
def test_the_metric_would_score_the_same_results(
    name, kind, value, model, few_people, tmp_path
):
    config, cfg, weights = model(name)
    truth = few_people / 'annotations/test.json'
    option = '--boxes' if name == POSE else '--image-ids'
    done = predict(
        config, weights, few_people / 'images/test', option, truth,
        '--output', tmp_path / 'out', '--no-pictures', '--device', 'cpu',
        '--batch', '1',  # other batches round otherwise
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    ours = json.loads((tmp_path / 'out/predictions.json').read_text())
    theirs = scored(cfg, weights, tmp_path, kind)
    assert len(ours) == len(theirs) > 0
    assert {it['category_id'] for it in ours} <= {it['category_id'] for it in theirs}

    def arranged(entries: list[dict]) -> np.ndarray:
        rows = [[it['image_id'], it['score'], *it[value]] for it in entries]
        return np.array(sorted(rows))

    assert np.allclose(arranged(ours), arranged(theirs), rtol=1e-4, atol=1e-3)
    if kind == 'segm':
        counts = [
            sorted(it['segmentation']['counts'] for it in x) for x in (ours, theirs)
        ]
        assert counts[0] == counts[1]


def test_label_maps_are_what_the_model_says(model, few_people, tmp_path):
    config, cfg, weights = model(SEG)
    images = few_people / 'images/test'
    out = (
        '--output',
        tmp_path / 'out',
        '--batch',
        '1',
    )  # other batches round otherwise
    done = predict(config, weights, images, *out)
    assert done.exit_code == 0, done.output
    for batch, result in zip(*test_results(cfg, weights), strict=True):
        name = Path(batch['data_samples'][0].img_path).stem
        labels = np.asarray(Image.open(tmp_path / f'out/labels/{name}.png'))
        assert (labels == result.pred_sem_seg.data[0].numpy()).all()
        assert (tmp_path / f'out/pictures/{name}.jpg').is_file()


def test_depth_maps_are_what_the_model_says(model, few_people, tmp_path):
    config, cfg, weights = model(DEPTH)
    images, out = few_people / 'images/test', tmp_path / 'out'
    done = predict(config, weights, images, '--output', out, '--batch', '1')
    assert done.exit_code == 0, done.output
    for batch, result in zip(*test_results(cfg, weights), strict=True):
        name = Path(batch['data_samples'][0].img_path).stem
        depth = np.asarray(Image.open(out / f'depth/{name}.png')) / 256
        expected = result.pred_depth_map.data[0].numpy()
        np.testing.assert_allclose(depth, expected, atol=1 / 500)
        assert Image.open(out / f'pictures/{name}.jpg').size == (192, 160)


def test_the_table_has_the_class_of_each_image(model, few_people, tmp_path):
    config, cfg, weights = model(CLS)
    done = predict(
        config, weights, few_people / 'crops/test', '--output', tmp_path / 'out'
    )
    assert done.exit_code == 0, done.output
    with (tmp_path / 'out/predictions.csv').open() as file:
        rows = {(it['file'], it['label']): it['score'] for it in csv.DictReader(file)}
    for batch, result in zip(*test_results(cfg, weights), strict=True):
        best = str(int(result.pred_label))
        score = float(rows[batch['data_samples'][0].img_path, best])
        assert score == pytest.approx(float(result.pred_score.max()), abs=1e-5)


@pytest.mark.parametrize('name', [HEADS, DET])
def test_a_bad_file_is_named_and_the_others_are_predicted(
    name, model, few_people, tmp_path
):
    config, _, weights = model(name)
    shutil.copytree(few_people / 'images/test', tmp_path / 'photos')
    (tmp_path / 'photos/bad.jpg').write_bytes(b'no image')
    done = predict(
        config, weights, tmp_path / 'photos', '--output', tmp_path / 'out', '--fast'
    )
    assert done.exit_code == 1, done.output
    assert 'Skipped: ' in done.output
    assert 'bad.jpg is not an image (8 bytes)' in done.output
    assert len([*(tmp_path / 'out/pictures').glob('*.jpg')]) == 4
    described = json.loads((tmp_path / 'out/images.json').read_text())
    assert len(described['images']) == 4


def test_images_without_boxes_are_left_out(model, few_people, tmp_path):
    config, _, weights = model(POSE)
    shutil.copytree(few_people / 'images/test', tmp_path / 'photos')
    shutil.copy(tmp_path / 'photos/000001.jpg', tmp_path / 'photos/other.jpg')
    boxes = few_people / 'annotations/test.json'
    arguments = (config, weights, tmp_path / 'photos', '--boxes', boxes)
    done = predict(*arguments, '--output', tmp_path / 'out')
    assert done.exit_code == 0, done.output
    assert '1 of the images are not among `images`' in done.output
    assert len(json.loads((tmp_path / 'out/images.json').read_text())['images']) == 4
    done = predict(config, weights, tmp_path / 'photos/other.jpg', '--boxes', boxes)
    assert done.exit_code == 1
    assert 'no image has boxes' in done.output


def test_an_image_that_cannot_be_drawn_is_predicted(model, tmp_path, monkeypatch):
    monkeypatch.setattr(SegPredictor, 'draw', lambda *arguments: 1 / 0)
    config, _, weights = model(SEG)
    Image.new('RGB', (1, 1)).save(tmp_path / 'dot.png')
    done = predict(config, weights, tmp_path / 'dot.png', '--output', tmp_path / 'out')
    assert done.exit_code == 1
    assert 'dot.png is predicted, but cannot be drawn' in done.output
    assert Image.open(tmp_path / 'out/labels/dot.png').size == (1, 1)


def test_a_long_strip_does_not_fill_the_memory_of_a_bottom_up_model(model, tmp_path):
    config, _, weights = model(BOTTOM_UP)
    Image.new('RGB', (170, 10)).save(tmp_path / 'strip.png')
    Image.new('RGB', (160, 10)).save(tmp_path / 'longest.png')
    done = predict(config, weights, tmp_path, '--output', tmp_path / 'out')
    assert done.exit_code == 1
    assert 'strip.png has 170 x 10 pixels' in done.output
    assert [path.name for path in (tmp_path / 'out/pictures').iterdir()] == [
        'longest.jpg'
    ]


@pytest.fixture
def heeds_sigint() -> Iterator[None]:
    """A shell starts what runs in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures('heeds_sigint')
@pytest.mark.parametrize(
    ('number', 'exit_code'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_leaves_whole_files(
    number, exit_code, model, few_people, tmp_path, monkeypatch
):
    config, _, weights = model(SEG)
    run_model, close, calls = Predictor.run_model, LabelMaps.close, []

    def interrupted(self, samples, batch):
        calls.append(len(samples))
        if len(calls) > 2:
            signal.raise_signal(number)  # at once, in this thread
        return run_model(self, samples, batch)

    def interrupted_again(self):
        signal.raise_signal(number)  # at once, in this thread
        close(self)

    monkeypatch.setattr(Predictor, 'run_model', interrupted)
    monkeypatch.setattr(LabelMaps, 'close', interrupted_again)
    done = predict(
        config, weights, few_people / 'images/test', '--output', tmp_path / 'out',
        '--batch', '1',
    )  # fmt: skip
    assert done.exit_code == exit_code, done.output
    files = [path for path in (tmp_path / 'out').rglob('*') if path.is_file()]
    assert sorted(path.name for path in files) == [
        '000001.jpg', '000001.png', '000002.jpg', '000002.png', 'classes.txt',
    ]  # fmt: skip
    assert all(Image.open(it).size for it in files if it.suffix != '.txt')


def test_people_of_a_video_are_tracked(model, tmp_path):
    """The numbers themselves are tested with a trained model."""
    config, _, weights = model(DET)
    video = tmp_path / 'walk.mp4'
    done = CliRunner().invoke(main, ['tiny-people', '--video', str(video)])
    assert done.exit_code == 0, done.output
    short = tmp_path / 'short.mp4'
    _copy_frames(video, short, 3)
    done = predict(
        config,
        weights,
        short,
        '--track',
        '--threshold',
        0,
        '--output',
        tmp_path / 'out',
    )
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / 'out/predictions.json').read_text())
    assert {it['image_id'] for it in found} == {1, 2, 3}
    assert all(it['track_id'] >= 1 for it in found)
    assert (tmp_path / 'out/pictures/short.mp4').stat().st_size > 1000


def _copy_frames(source: Path, target: Path, number: int) -> None:
    from hrnet_mm.prediction.sources import Sources
    from hrnet_mm.videos import VideoWriter

    frames = [frame.pixels for frame in Sources([str(source)])][:number]
    with VideoWriter(target, 25, frames[0].shape[1::-1]) as video:
        for frame in frames:
            video.write(frame)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--whole-image', '--detector', 'x'], 'use only one of --boxes, --detector'),
        (['--detector-weights', 'x.pth'], '--detector-weights needs --detector'),
        (['--detector', 'hrnet_w48_cocoo'], 'there are no weights'),
        (['--boxes', '{config}'], 'is not a JSON file'),
    ],
)
def test_contradictory_options_are_told(options, message, model, few_people):
    config, _, weights = model(POSE)
    options = [option.format(config=config) for option in options]
    done = predict(config, weights, few_people / 'images/test', *options)
    assert done.exit_code == 1
    assert message in done.output


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--whole-image'], 'not a top-down pose model'),
        (['--track'], '--track needs instances'),
        (['--device', 'foo'], '--device foo: '),
    ],
)
def test_options_for_another_task_are_told(options, message, model, few_people):
    config, _, weights = model(SEG)
    done = predict(config, weights, few_people / 'images/test', *options)
    assert done.exit_code == 1
    assert message in done.output


def test_results_are_no_sources_and_nothing_given_is_replaced(
    model, few_people, tmp_path
):
    config, _, weights = model(SEG)
    out = tmp_path / 'photos'
    shutil.copytree(few_people / 'images/test', out)
    arguments = (config, weights, out, '--output', out)
    assert predict(*arguments).exit_code == 0
    done = predict(*arguments)
    assert done.exit_code == 1
    assert 'is in the output folder' in done.output
    boxes = tmp_path / 'predictions.json'
    boxes.write_text('[]')
    done = predict(*arguments[:3], '--image-ids', boxes, '--output', tmp_path)
    assert done.exit_code == 1
    assert 'would be replaced' in done.output
    assert boxes.read_text() == '[]'


BOX = dict(image_id=1, bbox=[10, 10, 50, 80], score=0.9)


@pytest.mark.parametrize(
    ('entries', 'message'),
    [
        ([], 'no entry of a person'),
        ([[1, 2, 3, 4]], 'has no boxes'),
        ([dict(BOX, bbox=[1, 2, float('nan'), 4])], 'entry 0 has no valid bbox'),
        ([dict(BOX, bbox=[1, 2, 0, 4])], 'bbox of 0.0 x 4.0 pixels'),
        ([dict(BOX, bbox=[1, 2, 3])], 'entry 0 has no valid bbox'),
        ([dict(BOX, score=None)], 'entry 0 has no valid bbox and score'),
        ([dict(BOX, bbox=[500, 10, 50, 80])], 'is outside of it'),
    ],
)
def test_boxes_that_are_wrong_are_told(entries, message, model, few_people, tmp_path):
    config, _, weights = model(POSE)
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps(entries))
    done = predict(
        config, weights, few_people / 'images/test/000001.jpg', '--boxes', boxes,
        '--output', tmp_path / 'out',
    )  # fmt: skip
    assert done.exit_code == 1
    assert message in done.output


def test_boxes_of_strings_and_of_other_categories(model, few_people, tmp_path):
    config, _, weights = model(POSE)
    boxes = tmp_path / 'boxes.json'
    entries = [
        dict(image_id='1', category_id=1, bbox=['10', '10', '50', '80']),
        dict(image_id=1, category_id=3, bbox=[10, 10, 50, 80]),  # a car
    ]
    boxes.write_text(json.dumps(entries))
    done = predict(
        config, weights, few_people / 'images/test/000001.jpg', '--boxes', boxes,
        '--output', tmp_path / 'out',
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (found,) = json.loads((tmp_path / 'out/predictions.json').read_text())
    assert found['bbox'] == [10, 10, 50, 80]


def test_weights_are_told_from_sources():
    assert split_arguments(['m', 'a.jpg', 'b']) == ('m', None, ['a.jpg', 'b'])
    assert split_arguments(['m', 'w.PTH', '0']) == ('m', 'w.PTH', ['0'])
    assert split_arguments(['m', 'hrnet://w48', 'x'])[1] == 'hrnet://w48'
    with pytest.raises(ValueError, match='several checkpoints'):
        split_arguments(['m', 'best_1.pth', 'best_2.pth', 'photos'])
    with pytest.raises(ValueError, match='there is no SOURCE'):
        split_arguments(['m', 'w.pth'])


def test_a_config_needs_weights(root, few_people):
    done = predict(root / f'configs/{SEG}.py', few_people / 'images/test')
    assert done.exit_code == 1
    assert 'give the weights of' in done.output
