"""Detection data sets report skipped objects and reject invalid annotations."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch

pytest.importorskip('mmdet')

from mmdet.registry import DATASETS
from mmdet.structures import DetDataSample
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from hrnet_mm.det import TinyDet

PACK = dict(type='PackDetInputs')
LOAD = dict(type='LoadAnnotations', with_bbox=True, with_mask=True)
Change = Callable[[dict], object]


@pytest.fixture
def odd(few_people, tmp_path) -> Callable:
    """Build TinyPeople after a change to its annotation file."""
    init_default_scope('mmdet')

    def build(change: Change, **kwargs):
        content = json.loads((few_people / 'annotations/train.json').read_text())
        change(content)
        (tmp_path / 'odd.json').write_text(json.dumps(content))
        cfg = dict(
            type='hrnet_mm.TinyDet',
            ann_file=str(tmp_path / 'odd.json'),
            data_prefix=dict(img=str(few_people / 'images/train')),
            pipeline=[dict(type='LoadImageFromFile'), LOAD],
        )
        return DATASETS.build({**cfg, **kwargs})

    return build


def only(content: dict, **values: object) -> dict:
    """Leave the first image one annotation, with other values."""
    (image, *_) = content['images']
    first, *_ = [a for a in content['annotations'] if a['image_id'] == image['id']]
    others = [a for a in content['annotations'] if a['image_id'] != image['id']]
    first.update(values)
    content['annotations'] = [first, *others]
    return first


def test_views_of_a_test_are_compared_with_the_annotations(odd):
    """Test-time augmentation packs a list of them."""
    flips = [dict(type='RandomFlip', prob=prob) for prob in (0.0, 1.0)]
    augment = dict(type='TestTimeAug', transforms=[flips, [PACK]])
    pipeline = [dict(type='LoadImageFromFile'), augment]
    assert len(odd(lambda content: None, pipeline=pipeline)[0]['data_samples']) == 2

    def enlarge(content: dict) -> None:
        for image in content['images']:
            image.update(width=384, height=320)

    with pytest.raises(ValueError, match=r'192 x 160 .* is loaded, and 384 x 320'):
        odd(enlarge, pipeline=pipeline)[0]


def test_own_classes_need_no_palette(odd):
    """TinyPeople has one colour: as many as its classes."""
    from mmdet.visualization import DetLocalVisualizer

    def two(content: dict) -> None:
        content['categories'] = [dict(id=1, name='big'), dict(id=2, name='small')]

    dataset = odd(two, metainfo=dict(classes=('big', 'small')))
    assert 'palette' not in dataset.metainfo
    lazy = TinyDet(metainfo=dict(classes=('big', 'small')), lazy_init=True)
    assert 'palette' not in lazy.metainfo  # as inferencers build it
    assert 'palette' in odd(lambda content: None).metainfo
    visualizer = DetLocalVisualizer()
    visualizer.dataset_meta = dataset.metainfo
    sample = dataset[0]
    image, boxes = sample['img'], sample['gt_bboxes'].tensor
    truth = InstanceData(bboxes=boxes, labels=torch.ones(len(boxes), dtype=int))
    visualizer.add_datasample('x', image, DetDataSample(gt_instances=truth))


LEFT_OUT = {
    'outside their image': dict(bbox=[500, 20, 30, 30]),
    'smaller than a pixel': dict(bbox=[20, 20, 30, 0.5]),
    'marked `ignore`': dict(ignore=1),
    'of category 7 (not in `categories`)': dict(category_id=7),
    'without an outline': dict(segmentation=[[1, 1, 5, 5]]),
    'of a crowd': dict(iscrowd=1),
}


@pytest.mark.parametrize('reason', LEFT_OUT)
def test_skipped_objects_are_logged(odd, said, reason):
    dataset = odd(lambda content: only(content, **LEFT_OUT[reason]))
    assert f'1 object of 28 {reason}' in said.text
    assert '(first: annotation 10 of 000001.jpg)' in said.text
    gone = dataset.get_data_info(0)['instances']
    if (
        'outline' in reason or 'crowd' in reason
    ):  # MMDetection makes a crowd of it when it loads the mask
        assert dataset[0]['gt_ignore_flags'].tolist() == [True]
    else:
        assert gone == []


def test_valid_annotations_log_nothing(odd, said):
    dataset = odd(lambda content: None)
    assert len(dataset) == 20
    assert 'leaves out' not in said.text


def test_a_category_that_no_class_names_is_named(odd, said):
    def add_dog(content):
        content['categories'].append(dict(id=2, name='dog'))
        only(content, category_id=2)

    odd(add_dog)
    assert '1 object of 28 of category 2 (dog), no class of the config' in said.text


def test_images_without_objects_are_named(odd, said):
    def empty(content):
        content['annotations'] = [
            a for a in content['annotations'] if a['image_id'] > 4
        ]

    dataset = odd(empty, filter_cfg=dict(filter_empty_gt=True, min_size=32))
    assert len(dataset) == 16
    assert '4 images of 20 without objects' in said.text
    assert '(000001.jpg, 000002.jpg, 000003.jpg, ...)' in said.text
    kept = odd(empty)
    assert len(kept) == 20
    assert kept[0]['gt_bboxes'].tensor.shape == (0, 4)


def test_a_crowd_is_no_object_but_an_image_to_train_on(odd):
    crowd = dict(filter_cfg=dict(filter_empty_gt=True))
    dataset = odd(lambda content: only(content, iscrowd=1), **crowd)
    assert len(dataset) == 20
    assert dataset[0]['gt_ignore_flags'].tolist() == [True]


def test_data_without_objects_are_rejected(odd):
    with pytest.raises(ValueError, match='no object to train on of the classes person'):
        odd(
            lambda content: content.update(annotations=[]),
            filter_cfg=dict(filter_empty_gt=True),
        )


def test_what_an_outline_tells_is_read(odd):
    """Other entries of such files: tests/datasets/test_annotations.py."""
    expected = odd(lambda content: None)[0]['gt_bboxes'].tensor

    def boxes(content):
        for annotation in content['annotations']:
            del annotation['bbox'], annotation['area'], annotation['iscrowd']

    found = odd(boxes)[0]['gt_bboxes'].tensor
    assert (found - expected).abs().max() < 1.5


def test_an_object_without_box_and_outline_is_named(odd):
    with pytest.raises(ValueError, match=r'annotation 10 of 000001.jpg .* no bbox'):
        odd(lambda content: only(content, bbox=None, segmentation=[]))


def test_categories_have_names(odd):
    with pytest.raises(ValueError, match=r'person are not among the categories .*1'):
        odd(lambda content: content.pop('categories'))


def test_an_entry_that_is_not_clear_is_named(odd):
    with pytest.raises(ValueError, match=r'annotation 10 of 000001.jpg .*not numbers'):
        odd(lambda content: only(content, bbox=[1, 2, float('nan'), 4]))


def test_nothing_to_learn_is_an_error(odd):
    def crowds(content):
        for annotation in content['annotations']:
            annotation['iscrowd'] = 1

    with pytest.raises(ValueError, match=r'no object to train on .*29 of a crowd'):
        odd(crowds, filter_cfg=dict(filter_empty_gt=True))


def test_boxes_alone_are_nothing_to_learn_for_masks(odd):
    def boxes(content):
        for annotation in content['annotations']:
            annotation.pop('segmentation')

    with pytest.raises(ValueError, match=r'no object to train on .*29 without an outl'):
        odd(boxes, filter_cfg=dict(filter_empty_gt=True))
    pipeline = [dict(type='LoadImageFromFile'), dict(LOAD, with_mask=False)]
    dataset = odd(boxes, pipeline=pipeline)
    assert dataset[0]['gt_ignore_flags'].sum() == 0


def test_images_of_background_alone_are_data(odd):
    """They may stand beside others in a ConcatDataset."""
    dataset = odd(
        lambda content: content.update(annotations=[]),
        filter_cfg=dict(filter_empty_gt=False),
    )
    assert len(dataset) == 20


def test_an_image_of_another_size_than_its_annotations_is_named(odd):
    def swap(content):
        for image in content['images']:
            image['width'], image['height'] = image['height'], image['width']

    dataset = odd(swap, pipeline=[dict(type='LoadImageFromFile'), LOAD, PACK])
    with pytest.raises(ValueError, match=r'192 x 160 .* as it is loaded, and 160 x 19'):
        dataset[0]


def test_boxes_alone_need_no_masks(odd):
    boxes = [dict(type='LoadAnnotations', with_bbox=True)]
    dataset = odd(lambda content: only(content).pop('segmentation'), pipeline=boxes)
    assert len(dataset) == 20


def test_classes_that_the_file_has_not_are_named(odd):
    """MMDetection would count the labels without them: every one after is wrong."""
    with pytest.raises(ValueError, match=r'classes cat are not among .*\(person\)'):
        odd(lambda content: None, metainfo=dict(classes=('cat', 'person')))


def test_classes_in_another_order_are_refused(odd):
    def add_cat(content):
        content['categories'].append(dict(id=2, name='cat'))

    with pytest.raises(ValueError, match=r"classes=\('person', 'cat'\)"):
        odd(add_cat, metainfo=dict(classes=('cat', 'person')))


def test_missing_files_are_named_with_where_to_get_them(odd):
    with pytest.raises(FileNotFoundError, match=r'TinyDet finds no .*nowhere'):
        odd(lambda content: None, data_prefix=dict(img='nowhere'))


def test_an_image_that_cannot_be_read_is_named(odd, few_people, tmp_path):
    (tmp_path / '000001.jpg').write_bytes(b'')

    def first_only(content):
        content['images'] = content['images'][:1]
        only(content)
        content['annotations'] = content['annotations'][:1]

    dataset = odd(first_only, data_prefix=dict(img=str(tmp_path)))
    with pytest.raises(ValueError, match=r'000001.jpg .* is empty'):
        dataset[0]


def test_one_class_is_no_string():
    with pytest.raises(ValueError, match=r"each letter .*\('car',\)"):
        TinyDet._load_metainfo(dict(classes='car'))
