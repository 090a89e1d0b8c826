"""Data that is missing or damaged is named before the first step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip('mmpose')

from hrnet_mm.data import TinyPeople
from hrnet_mm.pose import (
    Aflw,
    CocoPose,
    Cofw,
    CrowdPose,
    Faces300W,
    MpiiPose,
    TinyCrowd,
    TinyHeads,
    TinyPose,
    Wflw,
)


@pytest.fixture(scope='module')
def data(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('data') / 'tiny_people'
    return TinyPeople(splits={'train': 4}).write(root)


def dataset(root: Path, cls=TinyPose, **changes):
    kwargs = dict(
        data_root=str(root),
        data_mode='topdown',
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/train/'),
        pipeline=[dict(type='LoadImage')],
    )
    from mmengine.registry import DefaultScope

    with DefaultScope.overwrite_default_scope('mmpose'):
        return cls(**{**kwargs, **changes})


@pytest.fixture
def copied(data, tmp_path) -> Path:
    """The same data, to damage."""
    import shutil

    return Path(shutil.copytree(data, tmp_path / 'tiny_people'))


def change(root: Path, edit) -> None:
    path = root / 'annotations/train.json'
    contents = json.loads(path.read_text())
    edit(contents)
    path.write_text(json.dumps(contents))


def test_whole_data_is_loaded(data):
    people = dataset(data)
    assert len(people) >= 4
    assert people[0]['img'].shape == (160, 192, 3)


@pytest.mark.parametrize(
    ('cls', 'words'),
    [
        (Aflw, ['lrs/downloads/aflw', 'AFLW=FOLDER']),
        (CocoPose, ['cocodataset.org', 'COCO=FOLDER']),
        (Cofw, ['xpburgos/ICCV13', 'COFW=FOLDER']),
        (CrowdPose, ['github.com/Jeff-sjtu/CrowdPose', 'CROWDPOSE=FOLDER']),
        (Faces300W, ['resources/300-W', 'FACES_300W=FOLDER']),
        (MpiiPose, ['human-pose.mpi-inf.mpg.de', 'MPII=FOLDER']),
        (TinyCrowd, ['hrnet-mm tiny-people --crowd', 'TINY_CROWD=FOLDER']),
        (TinyHeads, ['hrnet-mm tiny-people', 'TINY_PEOPLE=FOLDER']),
        (TinyPose, ['hrnet-mm tiny-people', 'TINY_PEOPLE=FOLDER']),
        (Wflw, ['wywu.github.io', 'WFLW=FOLDER']),
    ],
)
def test_a_missing_data_root_says_where_to_get_it(cls, words, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        dataset(tmp_path / 'nowhere', cls)
    message = str(error.value)
    assert f'{tmp_path}/nowhere/annotations/train.json' in message
    assert all(word in message for word in words), message


def test_a_missing_image_folder_is_named(data):
    with pytest.raises(FileNotFoundError, match='images/elsewhere'):
        dataset(data, data_prefix=dict(img='images/elsewhere/'))


def test_missing_detections_are_named_with_the_way_out(data):
    with pytest.raises(FileNotFoundError, match=r'detections.json.*bbox_file=None'):
        dataset(data, CocoPose, bbox_file=f'{data}/detections.json', test_mode=True)


def test_an_image_without_people_is_left_out(copied):
    before = len(dataset(copied))

    def add_empty(contents):
        image = dict(contents['images'][0], id=99, file_name='000099.jpg')
        contents['images'].append(image)

    change(copied, add_empty)
    assert len(dataset(copied)) == before


def test_annotations_without_people_are_refused(copied):
    change(copied, lambda contents: contents.update(annotations=[]))
    with pytest.raises(ValueError, match=r'train\.json holds no person'):
        dataset(copied)


@pytest.mark.parametrize(
    ('contents', 'words'),
    [
        (b'', 'is empty (0 bytes)'),
        (b'no image', 'is no image that OpenCV can read (8 bytes)'),
        (None, 'does not exist'),
    ],
)
def test_an_image_that_cannot_be_read_is_named(copied, contents, words):
    image = copied / 'images/train/000001.jpg'
    image.unlink()
    if contents is not None:
        image.write_bytes(contents)
    with pytest.raises(ValueError) as error:
        dataset(copied)[0]
    assert str(image) in str(error.value)
    assert words in str(error.value)


def test_a_fault_of_the_pipeline_is_not_blamed_on_the_image(data):
    people = dataset(data, pipeline=[dict(type='TopdownAffine', input_size=(8, 8))])
    with pytest.raises(KeyError):
        people[0]


def test_evaluators_of_several_data_sets_know_ours():
    """MMPose's looks their names up as they are written."""
    from mmengine.registry import DefaultScope
    from mmpose.registry import EVALUATORS

    datasets = [dict(type='hrnet_mm.TinyPose'), dict(type='hrnet_mm.TinyHeads')]
    metrics = [dict(type='PCKAccuracy'), dict(type='AUC')]
    with DefaultScope.overwrite_default_scope('mmpose'):
        evaluator = EVALUATORS.build(
            dict(type='MultiDatasetEvaluator', metrics=metrics, datasets=datasets)
        )
    assert [*evaluator.metrics_dict] == ['coco', 'tiny_heads']
    joints = [m.dataset_meta['num_keypoints'] for m in evaluator.metrics]
    assert joints == [17, 5]
