"""Pose data sets report missing and damaged data before training."""

from __future__ import annotations

import ast
import copy
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('mmpose')

from mmpose.datasets import CocoDataset

from hrnet_mm.pose import (
    Aflw,
    Aic,
    AnimalKingdom,
    AnimalPose,
    Ap10k,
    Atrw,
    CocoPose,
    CocoPoseMetric,
    CocoWholeBody,
    CocoWholeBodyFaces,
    CocoWholeBodyHands,
    Cofw,
    CrowdPose,
    DeepFashion,
    ExLPose,
    Faces300W,
    Faces300WLP,
    Halpe,
    Horse10,
    HumanArt,
    Macaque,
    Mhp,
    MpiiPose,
    OcHuman,
    OneHand10k,
    PanopticHands,
    PoseTrack18,
    Rhd2d,
    TinyCrowd,
    TinyHeads,
    TinyPose,
    UBody,
    Wflw,
)
from hrnet_mm.tiny_people import TinyPeople


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


def test_samples_are_those_of_mmpose(data):
    ours, theirs = dataset(data), dataset(data, CocoDataset)
    for index in (0, 1, 0):
        sample, wanted = ours.get_data_info(index), theirs.get_data_info(index)
        np.testing.assert_equal(sample, wanted)
        sample['keypoints'] += 1  # a transform may change what is of this sample
        sample['more'] = 1


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
        (AnimalKingdom, ['github.io/Animal-Kingdom', 'ANIMAL_KINGDOM=FOLDER']),
        (AnimalPose, ['view/animal-pose', 'ANIMALPOSE=FOLDER']),
        (Ap10k, ['AlexTheBad/AP-10K', 'AP10K=FOLDER']),
        (Atrw, ['cvwc2019.github.io', 'ATRW=FOLDER']),
        (CocoWholeBodyHands, ['jin-s13/COCO-WholeBody', 'COCO=FOLDER']),
        (Horse10, ['mackenziemathislab.org/horse10', 'HORSE10=FOLDER']),
        (Macaque, ['kyoto-u.ac.jp', 'MACAQUE=FOLDER']),
        (OneHand10k, ['WANG-MCC-2018-10', 'ONEHAND10K=FOLDER']),
        (PanopticHands, ['cs.cmu.edu/handdb', 'PANOPTIC_HANDS=FOLDER']),
        (Rhd2d, ['RenderedHandposeDataset', 'RHD=FOLDER']),
        (Aic, ['AI_Challenger_2017', 'AIC=FOLDER']),
        (CocoWholeBody, ['jin-s13/COCO-WholeBody', 'COCO=FOLDER']),
        (CocoWholeBodyFaces, ['jin-s13/COCO-WholeBody', 'COCO=FOLDER']),
        (DeepFashion, ['LandmarkDetection.html', 'DEEPFASHION=FOLDER']),
        (ExLPose, ['research/ExLPose', 'EXLPOSE=FOLDER']),
        (Faces300WLP, ['projects/3DDFA', 'FACES_300WLP=FOLDER']),
        (Halpe, ['Fang-Haoshu/Halpe-FullBody', 'HALPE=FOLDER']),
        (HumanArt, ['github.io/HumanArt', 'HUMANART=FOLDER']),
        (Mhp, ['lv-mhp.github.io', 'MHP=FOLDER']),
        (OcHuman, ['OCHumanApi', 'OCHUMAN=FOLDER']),
        (PoseTrack18, ['posetrack.net', 'POSETRACK18=FOLDER']),
        (UBody, ['IDEA-Research/OSX', 'UBODY=FOLDER']),
    ],
)
def test_a_missing_data_root_says_where_to_get_it(cls, words, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        dataset(tmp_path / 'nowhere', cls)
    message = str(error.value)
    assert f'{tmp_path}/nowhere/annotations/train.json' in message
    assert all(word in message for word in words), message


def test_the_layout_that_a_message_names_is_a_file(root):
    from hrnet_mm.pose import animals, bodies, faces, hands

    modules = animals, bodies, faces, hands
    classes = [it for module in modules for it in vars(module).values()]
    classes = [it for it in classes if getattr(it, 'source', '')]
    assert len(classes) == 22
    for it in classes:
        file = re.search(r'configs/_base_/\S+\.py', it.source)[0]
        layout = ast.get_docstring(ast.parse((root / file).read_text()))
        assert f'{it.environment}/' in layout, (it, file)
        assert 'annotations/' in layout, (it, file)


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
        (b'no image', 'is not an image that OpenCV can read (8 bytes)'),
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


PACK = [dict(type='LoadImage'), dict(type='PackPoseInputs')]


def stored(root: Path, orientation: int = 1, scale: float = 1) -> None:
    """Write the images again, with an EXIF orientation or another size."""
    for path in (root / 'images/train').glob('*.jpg'):
        image = Image.open(path).convert('RGB')
        image = image.resize([round(scale * side) for side in image.size])
        exif = Image.Exif()
        exif[0x0112] = orientation
        image.save(path, exif=exif)


def test_an_image_of_another_size_than_its_annotations_is_named(copied):
    stored(copied, scale=0.5)
    with pytest.raises(ValueError, match=r'96 x 80 .* as it is loaded, and 192 x 160'):
        dataset(copied, pipeline=PACK)[0]


def test_an_image_that_its_exif_turns_is_named(copied):
    stored(copied, orientation=6)
    with pytest.raises(ValueError, match=r'its EXIF orientation turns it.*ignore_ori'):
        dataset(copied, pipeline=PACK)[0]
    load = dict(type='LoadImage', color_type='color_ignore_orientation')
    sample = dataset(copied, pipeline=[load, PACK[1]])[0]
    assert tuple(sample['inputs'].shape) == (3, 160, 192)


def test_an_orientation_that_keeps_the_size_is_said(copied, said):
    """Half a turn: nothing tells whether it was annotated before or after."""
    stored(copied, orientation=3)
    dataset(copied, pipeline=PACK)[0]
    assert '4 of 4 images have an EXIF orientation' in said.text
    said.clear()
    load = dict(type='LoadImage', color_type='color_ignore_orientation')
    dataset(copied, pipeline=[load])
    assert 'EXIF' not in said.text


def test_skipped_annotations_are_counted(copied, said):
    def edit(content):
        first, second, third, *_ = content['annotations']
        first['iscrowd'] = 1
        second.update(keypoints=[0] * 51, num_keypoints=0)
        third.update(bbox=[10, 10, 0, 0])

    whole = len(dataset(copied))
    change(copied, edit)
    assert len(dataset(copied)) == whole - 3
    for reason in ('of a crowd', 'without visible keypoints', 'with a box of no size'):
        assert f': 1 annotation of {whole} {reason} (first: annotation' in said.text


def test_another_number_of_keypoints_than_described_is_named(copied):
    def edit(content):
        del content['categories']
        for annotation in content['annotations']:
            annotation['keypoints'] = annotation['keypoints'][:15]

    change(copied, edit)
    with pytest.raises(ValueError, match=r'has 5 keypoints, .* TinyPose describes 17'):
        dataset(copied)


@pytest.mark.parametrize('mode', ['topdown', 'bottomup'])
def test_images_are_those_of_the_file(copied, mode):
    """Ids that are no integers, and rows of one id."""
    expected = [sample['img_path'] for sample in dataset(copied, data_mode=mode)]

    def edit(content):
        for image in content['images']:
            image['id'] = f'image {image["id"]}'
        for annotation in content['annotations']:
            annotation.update(id=1, image_id=f'image {annotation["image_id"]}')

    change(copied, edit)
    odd = dataset(copied, data_mode=mode)
    assert [sample['img_path'] for sample in odd] == expected
    ids = np.concatenate([np.ravel(sample['id']) for sample in odd])
    assert len(set(ids)) == len(ids)


def test_the_metric_reads_what_the_data_set_read(copied):
    def edit(content):
        for image in content['images']:
            image['id'] = f'image {image["id"]}'
        for number, annotation in enumerate(content['annotations']):
            annotation.update(id=number, image_id=f'image {annotation["image_id"]}')

    change(copied, edit)
    people = dataset(copied, test_mode=True)
    metric = CocoPoseMetric(str(copied / 'annotations/train.json'))
    metric.dataset_meta = people.metainfo
    for person in people:
        found = dict(
            keypoints=person['keypoints'], keypoint_scores=np.ones((1, 17)),
        )  # fmt: skip
        truth = dict(bbox_scores=np.ones(1))
        sample = dict(person, pred_instances=found, gt_instances=truth)
        metric.process({}, [dict(sample, category_id=1)])
    assert metric.evaluate(len(people))['coco/AP'] == pytest.approx(1)


def test_people_with_and_without_outlines_share_an_image(copied):
    def edit(content):
        for annotation in content['annotations'][1::2]:
            del annotation['segmentation']

    change(copied, edit)
    assert len(dataset(copied, data_mode='bottomup')) == 4


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


def five(**changes) -> dict:
    """The metainfo of five landmarks, as it is written in a config."""
    return {**copy.deepcopy(TinyHeads.METAINFO), **changes}


def test_keypoints_are_in_the_order_of_their_numbers():
    """A dumped config has 0, 1, 10, 11, 2; MMPose mirrors in the order it finds."""
    order = [4, 0, 2, 1, 3]
    info = TinyHeads.METAINFO['keypoint_info']
    dumped = five(keypoint_info={str(i): info[i] for i in order})
    assert TinyHeads._load_metainfo(dumped)['flip_indices'] == [0, 2, 1, 4, 3]


@pytest.mark.parametrize(
    ('number', 'point', 'words'),
    [
        (1, dict(swap='right eye'), "swap of 'left_eye' .* not a keypoint"),
        (2, dict(swap=''), "set swap of 'right_eye' to 'left_eye'"),
        (3, dict(name='nose'), 'a duplicate name'),
    ],
)
def test_inconsistent_keypoints_are_reported(number, point, words):
    info = five()
    info['keypoint_info'][number].update(point)
    with pytest.raises(ValueError, match=words):
        TinyHeads._load_metainfo(info)


def test_inconsistent_metainfo_is_rejected(tmp_path):
    points = TinyHeads.METAINFO['keypoint_info']
    for changes, words in (
        (dict(sigmas=[0.1] * 17), '5 keypoints but 17 sigmas'),
        (dict(joint_weights=[1]), '5 keypoints but 1 joint_weights'),
        (dict(skeleton_info={0: dict(link=('nose', 'chin'))}), "link .* 'chin'"),
        (dict(keypoint_info={i + 1: points[i] for i in points}), 'number them 0 to 4'),
    ):
        with pytest.raises(ValueError, match=words):
            TinyHeads._load_metainfo(five(**changes))
    (tmp_path / 'mine.py').write_text("dataset_info = dict(dataset_name='mine')")
    with pytest.raises(ValueError, match='lacks joint_weights, keypoint_info'):
        TinyHeads._load_metainfo(dict(from_file=str(tmp_path / 'mine.py')))


def test_ap_needs_sigmas_and_the_keypoints_of_its_file(data):
    metric = CocoPoseMetric(str(data / 'annotations/train.json'))
    with pytest.raises(ValueError, match=r"'tiny_heads' has no sigmas"):
        metric.dataset_meta = TinyHeads._load_metainfo()
    heads = TinyHeads._load_metainfo(five(sigmas=[0.1, 0.2, 0.3, 0.4, 0.5]))
    with pytest.raises(ValueError, match=r'has 5 keypoints.*has 17.*gt_converter'):
        metric.dataset_meta = heads
    # of the data set that converts already: not of the file
    mapping = [(i + 12, i) for i in range(5)]
    metric.gt_converter = dict(num_keypoints=5, mapping=mapping)
    metric.dataset_meta = heads
    assert metric.dataset_meta['sigmas'] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_a_metric_without_predictions_says_why():
    metric = CocoPoseMetric()
    metric.dataset_meta = TinyPose._load_metainfo()
    with pytest.raises(ValueError, match=r"no predictions of 'coco'.*dataset_name"):
        metric.compute_metrics([])


def test_annotations_are_read_without_copies(copied, monkeypatch):
    """COCO's training set has 150,000: copies took most of the start of a job."""
    kept: list = []
    stock = copy.deepcopy

    def counting(value, memo=None):
        if isinstance(value, dict) and 'num_keypoints' in value:
            kept.append(stock(value, memo) is value)
        return stock(value, memo)

    monkeypatch.setattr(copy, 'deepcopy', counting)
    people = dataset(copied)
    assert kept.count(True) >= len(people) > 2
    assert kept.count(False) <= 2  # the metainfo, for the data set
    sample = people.get_data_info(0)
    assert type(sample['raw_ann_info']) is dict
    assert sample['raw_ann_info']['num_keypoints'] == sample['num_keypoints']
