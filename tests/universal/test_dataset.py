"""Images with the labels of several tasks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip('mmdet')
pytest.importorskip('mmpose')
pytest.importorskip('mmseg')

from mmengine.registry import DATASETS, DefaultScope
from mmengine.structures import BaseDataElement
from same_images import ANY, IMAGE, LOAD, PACK, SCOPES, TARGETS, same_images, task_data
from torch.utils.data import DataLoader

from hrnet_mm.engine import SeededSampler, collate
from hrnet_mm.engine.seeding import SeededIndex
from hrnet_mm.universal import PackTasks, PerTask

SAME_SIZE = dict(type='hrnet_mm.JointResize', scale_factor=1.0)


@pytest.fixture(params=['hrnet_mm', 'mmdet', 'mmpose', 'mmseg'])
def _any_scope(request) -> Iterator[None]:
    """The default scope of a job, which must not matter."""
    with DefaultScope.overwrite_default_scope(request.param):
        yield


@pytest.fixture
def copied(few_people, tmp_path) -> Path:
    """TinyPeople that a test may change."""
    return shutil.copytree(few_people, tmp_path / 'copied')


def change(path: Path, edit: Any) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def equal(a: Any, b: Any) -> bool:
    """Whether two values of data samples are equal."""
    if isinstance(a, BaseDataElement):
        a, b = dict(a.items()), dict(b.items())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list) and a and isinstance(a[0], torch.Tensor):
        return len(a) == len(b) and all(map(equal, a, b))
    if hasattr(a, 'masks'):
        a, b = a.masks, b.masks
    if hasattr(a, 'tensor'):
        a, b = a.tensor, b.tensor
    return type(a) is type(b) and np.array_equal(a, b)


@pytest.mark.usefixtures('_any_scope')
def test_samples_are_those_of_the_libraries(few_people):
    """They have all metainfo of a test, too."""
    tasks = task_data(few_people, 'val', test_mode=True)
    same = dict(type='Resize', scale_factor=1.0)
    pipelines = {
        name: [IMAGE, same, *LOAD.get(name, []), *PACK[name]] for name in tasks
    }
    shape = dict(
        type='mmpose.BottomupResize',
        input_size=(192, 160),
        size_factor=32,
        resize_mode='expand',
    )
    pipelines['joints'][1] = shape
    data = same_images(tasks, SAME_SIZE, pack=PACK)
    assert (len(data), data.test_mode) == (4, True)
    for name, config in tasks.items():
        alone = DATASETS.build(dict(config, pipeline=pipelines[name]))
        assert str(data.metainfo[name]) == str(alone.metainfo)
        for mine, theirs in zip(data, alone, strict=True):
            assert torch.equal(mine['inputs'], theirs['inputs'])
            mine, theirs = mine['data_samples'].get(name), theirs['data_samples']
            assert type(mine) is type(theirs)
            assert equal(mine, theirs)
            assert mine.metainfo.keys() == theirs.metainfo.keys()
            for key, value in theirs.metainfo.items():
                assert np.array_equal(mine.metainfo[key], value), key


def test_labels_fit_each_other_after_augmentation(few_people):
    data = same_images(task_data(few_people), ANY)
    assert len(data) == 20
    seen = 0
    for sample in data:
        labels = sample['data_samples']
        assert labels.tasks == ['joints', 'objects', 'parts']
        assert sample['inputs'].shape == (3, 160, 192)
        assert sample['inputs'].dtype == torch.uint8
        parts = labels.parts.gt_sem_seg.data[0].numpy()
        people = labels.objects.gt_instances.masks.masks.any(axis=0)
        assert np.array_equal((parts > 0) & (parts < 255), people)
        around = cv2.dilate(people.astype(np.uint8), np.ones((9, 9)))
        heatmaps = labels.joints.gt_fields.heatmaps[1].numpy()
        for _, y, x in np.argwhere(heatmaps == 1):
            seen += 1
            assert around[2 * y, 2 * x]
    assert seen > 200


def test_the_augmentation_depends_on_seed_epoch_and_index_only(few_people):
    data = same_images(task_data(few_people), ANY)
    first, *others = (
        data[SeededIndex(3, (0, epoch, 3))]['inputs'] for epoch in (5, 5, 6)
    )
    assert torch.equal(first, others[0])
    assert not torch.equal(first, others[1])
    batches = {}
    for workers in (0, 2):
        loader = DataLoader(
            data,
            batch_size=5,
            sampler=SeededSampler(data, seed=1),
            num_workers=workers,
            collate_fn=collate,
        )
        batches[workers] = [*loader]
    for one, other in zip(batches[0], batches[2], strict=True):
        assert torch.equal(one['inputs'], other['inputs'])
        for mine, theirs in zip(
            one['data_samples'], other['data_samples'], strict=True
        ):
            assert equal(mine, theirs)


def test_images_without_people_stay(copied, said):
    """Whether they have a crowd or nobody."""

    def remove(content: dict[str, Any]) -> None:
        people = content['annotations']
        content['annotations'] = [it for it in people if it['image_id'] != 2]
        for person in people:
            if person['image_id'] == 3:
                person.update(iscrowd=1, keypoints=[0] * 51, num_keypoints=0)

    change(copied / 'annotations' / 'train.json', remove)
    data = same_images(task_data(copied), ANY)
    assert len(data) == 20
    assert (
        '1 image of 20 not in the data set of joints: taken as images without'
        in said.text
    )
    nobody, crowd, people = (data[index]['data_samples'] for index in (1, 2, 3))
    assert nobody.joints.img_id == nobody.objects.img_id == 2
    for labels in (nobody, crowd):
        assert not any(maps.any() for maps in labels.joints.gt_fields.heatmaps)
        assert len(labels.objects.gt_instances) == 0
    assert nobody.joints.gt_instance_labels.keypoint_indices.shape == (0, 17, 2)
    assert nobody.joints.flip_indices == people.joints.flip_indices
    assert nobody.joints.gt_fields.heatmap_mask[0].sum() > 1000
    outside = crowd.joints.gt_fields.heatmap_mask[0].sum()
    assert outside < nobody.joints.gt_fields.heatmap_mask[0].numel()
    assert len(crowd.objects.ignored_instances) > 0


def test_images_without_a_label_map_are_left_out(copied, said):
    tasks = task_data(copied)
    (copied / 'few.txt').write_text('000002\n000005\n')
    tasks['parts']['ann_file'] = 'few.txt'
    data = same_images(tasks, ANY)
    assert [data.get_data_info(index)['img_id'] for index in range(len(data))] == [2, 5]
    assert '18 images of 20 not in the data set of parts: left out' in said.text


def test_data_sets_of_other_images_are_refused(few_people):
    tasks = task_data(few_people)
    tasks['parts'] = task_data(few_people, 'val')['parts']
    with pytest.raises(ValueError, match='parts has no image in common') as error:
        same_images(tasks, ANY)
    assert 'images/val/' in str(error.value)
    assert 'images/train/' in str(error.value)


def test_samples_of_single_people_are_refused(few_people):
    tasks = task_data(few_people)
    tasks['joints']['data_mode'] = 'topdown'
    with pytest.raises(ValueError, match=r'several samples of .*bottomup'):
        same_images(tasks, ANY)


@pytest.mark.parametrize('kind', ['images', 'labels'])
def test_a_file_that_cannot_be_read_is_named(copied, kind):
    data = same_images(task_data(copied), ANY)
    (broken,) = (copied / kind / 'train').glob('000004.*')
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(ValueError, match=f'{broken} of .* copy it again'):
        data[3]


def test_an_image_of_another_size_than_its_annotations_is_named(copied):
    tasks = {name: task_data(copied)[name] for name in ('objects', 'joints')}
    path = copied / 'images' / 'train' / '000004.jpg'
    cv2.imwrite(str(path), cv2.imread(str(path))[::2, ::2])
    config = dict(
        type='hrnet_mm.SameImages',
        tasks=tasks,
        pipeline=[IMAGE, ANY, TARGETS],
    )
    with pytest.raises(ValueError, match=r'000004.jpg is 96 x 80 .* and 192 x 160 in'):
        DATASETS.build(config)[3]


def test_masks_are_read_only_where_a_task_loads_them(copied):
    """The data set of a task checks its annotations by the transforms of the task."""

    def remove(content: dict[str, Any]) -> None:
        del content['annotations'][0]['segmentation']

    change(copied / 'annotations' / 'train.json', remove)
    labels = same_images(task_data(copied), SAME_SIZE)[0]['data_samples'].objects
    assert len(labels.ignored_instances) == 1


def test_samples_are_shared_with_workers(few_people):
    data = same_images(task_data(few_people), ANY)
    for part in (data, *data.tasks.values()):
        assert len(part.data_address) == 20
        assert part.data_list == []


def test_keypoints_map_back_to_the_image(few_people):
    """Map keypoints back as ``BottomupPoseEstimator`` does it."""
    resize = dict(type='hrnet_mm.JointResize', scale=(288, 288), keep_ratio=True)
    sample = same_images(task_data(few_people), resize, pack=PACK)[0]
    assert sample['inputs'].shape == (3, 240, 288)
    joints = sample['data_samples'].joints
    assert joints.input_size == (288, 240)
    found = np.array([[0, 0], [144, 120], [288, 240]])
    back = found / joints.input_size * joints.input_scale
    back = back + joints.input_center - 0.5 * joints.input_scale
    assert back.tolist() == [[0, 0], [96, 80], [192, 160]]
    assert sample['data_samples'].objects.scale_factor == (1.5, 1.5)
    for task in ('objects', 'joints', 'parts'):
        assert sample['data_samples'].get(task).img_shape == (240, 288)
    # labels keep the coordinates of the image
    assert sample['data_samples'].parts.gt_sem_seg.shape == (160, 192)


def test_a_task_needs_a_scope():
    with pytest.raises(ValueError, match='no scope for faces'):
        PerTask(scopes=SCOPES, faces=[])


def test_a_task_cannot_change_the_image():
    flip = dict(type='RandomFlip', prob=1.0)
    image = dict(img=np.zeros((4, 4, 3), np.uint8), img_shape=(4, 4))
    with pytest.raises(ValueError, match='task parts changes the image'):
        PerTask(scopes=SCOPES, parts=[flip])(image | dict(tasks=dict(parts={})))


def test_all_tasks_are_packed():
    pack = PackTasks(scopes=SCOPES, parts=[dict(type='PackSegInputs')])
    image = dict(img=np.zeros((4, 4, 3), np.uint8), img_shape=(4, 4))
    with pytest.raises(ValueError, match='packs parts, but the sample also has joints'):
        pack(image | dict(tasks=dict(parts={}, joints={})))


def test_a_sample_may_lack_a_task():
    pack = PackTasks(
        scopes=SCOPES,
        parts=[dict(type='PackSegInputs')],
        objects=[dict(type='PackDetInputs')],
    )
    image = dict(img=np.zeros((4, 6, 3), np.uint8), img_shape=(4, 6))
    packed = pack(image | dict(tasks=dict(parts={})))
    assert packed['data_samples'].tasks == ['parts']
    assert packed['inputs'].shape == (3, 4, 6)


def test_keypoints_stay_on_real_people(real_coco):
    coco = dict(
        data_root=str(real_coco),
        ann_file='annotations/person_keypoints_tiny.json',
        data_prefix=dict(img='val2017/'),
    )
    person = dict(classes=('person',))
    tasks = dict(
        objects=dict(coco, type='hrnet_mm.CocoDet', _scope_='mmdet', metainfo=person),
        joints=dict(coco, type='hrnet_mm.CocoPose', _scope_='mmpose'),
    )
    tasks['joints']['data_mode'] = 'bottomup'
    affine = dict(ANY, size=(256, 320))
    data = same_images(tasks, affine, pack=PACK)
    on_people = []
    for index in [*range(len(data))] * 3:
        labels = data[SeededIndex(index, (0, 0, len(on_people)))]['data_samples']
        people = labels.objects.gt_instances.masks.masks.any(axis=0)
        joints = labels.joints.gt_instances
        for points, visible in zip(
            joints.keypoints, joints.keypoints_visible, strict=True
        ):
            x, y = np.rint(points[visible > 0]).astype(int).T
            inside = (x >= 0) & (x < 256) & (y >= 0) & (y < 320)
            on_people += people[y[inside], x[inside]].tolist()
    assert len(on_people) > 200
    assert np.mean(on_people) > 0.9
