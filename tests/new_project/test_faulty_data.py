"""`hrnet-mm new` never runs text of the data, and names what is wrong with files."""

from __future__ import annotations

import ast
import base64
import io
import json
import shutil
import struct
import zlib
from pathlib import Path

import exports
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from mmengine.config import Config
from PIL import Image
from pycocotools import mask as run_lengths

from hrnet_mm.cli import main
from hrnet_mm.new_project import FormatError, Request, create
from hrnet_mm.new_project.code import docstring, to_code
from hrnet_mm.new_project.collection import read_size
from hrnet_mm.new_project.formats import read_annotations
from hrnet_mm.new_project.labelme import place_mask

EVIL = "__import__('pathlib').Path('MARK').touch()"
TEXTS = [
    f'a\n{EVIL}\n#', f'b\r{EVIL},\r#', f'c\u2028{EVIL}', f'"""\n{EVIL}\n"""',
    f"'''\n{EVIL}#", "o'brien \"x\"", "\\'", 'ends with \\', '{{ $HOME:x }}',
    '{{{ _base_.model.type }}}', '{{fileDirname}}', '[/x]', '[bold]', '$\\foo$',
    'ä | ö',
]  # fmt: skip


@pytest.mark.parametrize('text', TEXTS)
def test_text_stays_text_in_code(text):
    for code, value in (
        (to_code(text), text),
        (docstring(['x', text]), f'x\n{text}\n'),
    ):
        assert ast.literal_eval(code) == value
        assert '{{' not in code
        assert '}}' not in code
        assert len(code.splitlines()) == 1 + 2 * code.startswith('"""')


def coco(people: Path, folder: Path, **category) -> Path:
    content = json.loads((people / 'annotations/train.json').read_text())
    content['categories'][0].update(category)
    number = len(content['categories'][0]['keypoints'])
    for it in content['annotations']:
        it['keypoints'] = [30, 30, 2] * number
        it['num_keypoints'] = number
    file = folder / 'a.json'
    file.write_text(json.dumps(content))
    return file


def test_names_of_keypoints_are_not_run(few_people, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = coco(few_people, tmp_path, keypoints=TEXTS, skeleton=[[1, 2], [4, 9]])
    project = create(Request('pose', few_people / 'images/train', (file,)), Path('out'))
    info = Config.fromfile(project.folder / 'joints.py').dataset_info
    assert [info.keypoint_info[i].name for i in range(len(TEXTS))] == TEXTS
    assert info.skeleton_info[1].link == (TEXTS[3], TEXTS[8])
    Config.fromfile(project.folder / 'config.py')
    assert not (tmp_path / 'MARK').exists()


def test_names_of_classes_and_folders_are_printed_as_they_are(
    few_people, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    images = tmp_path / 'im\\x""" [/y]'
    shutil.copytree(few_people / 'images/train', images)
    content = json.loads((few_people / 'annotations/train.json').read_text())
    content['categories'] = [
        dict(id=i, name=name) for i, name in enumerate(TEXTS, start=1)
    ]
    for i, it in enumerate(content['annotations']):
        it['category_id'] = 1 + i % len(TEXTS)
        it.pop('keypoints')
    file = tmp_path / 'a[b].json'
    file.write_text(json.dumps(content))
    output = tmp_path / "o'brien's/b[/x] ä"
    arguments = ['new', 'det', '--images', images, '--annotations', file]
    shown = CliRunner().invoke(main, [*map(str, arguments), '--output', str(output)])
    assert shown.exit_code == 0, shown.output
    cfg = Config.fromfile(output / 'config.py')
    assert list(cfg.data.metainfo.classes) == TEXTS
    assert cfg.root == str(output)
    assert cfg.data.data_prefix.img == str(images)
    assert not (tmp_path / 'MARK').exists()
    arguments = ['check', output / 'annotations/train.json', '--images', images]
    shown = CliRunner().invoke(main, [*map(str, arguments), '--output', 'c[/x]'])
    assert isinstance(shown.exception, SystemExit), shown.exception
    assert (tmp_path / 'c[/x]/report.html').is_file()


@pytest.mark.parametrize('name', ['a"b', 'a\\b', '{{ x }}', 'a\nb'])
def test_folders_that_mmengine_cannot_read_are_refused(name, few_people, tmp_path):
    with pytest.raises(FormatError, match='choose another --output'):
        create(Request('cls', few_people / 'crops'), tmp_path / name)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('category', 'message'),
    [
        (dict(name=None), "'name': None.* needs an id and a name of text"),
        (dict(name=' '), "classes with the name ' '"),
        (dict(name=['a']), 'needs an id and a name of text'),
        (dict(keypoints=[1, 2]), 'keypoints of person with the name 1'),
        (dict(keypoints=['a', '']), "keypoints of person with the name ''"),
        (dict(keypoints=['a', 'a']), 'several keypoints of person with the name a'),
        (dict(keypoints='ab'), "'ab', not a list"),
        (dict(keypoints=['a', 'b'], skeleton=[[0, 2]]), r'link \[0, 2\].* from 1 to 2'),
        (dict(keypoints=['a', 'b'], skeleton=[[1, 9]]), r'link \[1, 9\]'),
        (dict(keypoints=['a', 'b'], skeleton=['ab']), "link 'ab'"),
    ],
)
def test_names_are_different_texts(category, message, few_people, tmp_path):
    file = coco(few_people, tmp_path, **category)
    with pytest.raises(ValueError, match=message) as error:
        read_annotations([file], few_people / 'images/train')
    assert str(file) in str(error.value)


BOX = [[10, 10], [50, 90]]


def png(width: int, height: int) -> str:
    buffer = io.BytesIO()
    Image.new('1', (width, height), 1).save(buffer, 'png')
    return base64.b64encode(buffer.getvalue()).decode()


def labelme(kind='rectangle', points=BOX, label='a', **more) -> dict:
    shape = dict(label=label, shape_type=kind, points=points, **more)
    return dict(imagePath='000001.jpg', shapes=[shape])


LABELME = [
    (labelme(label=None), 'shape 1 has label=None'),
    (labelme(points=None), r'shape 1 \(a\) has points=None'),
    (labelme(points=[[1, 2, 3], [4, 5, 6]]), r'expected a list of \[x, y\]'),
    (labelme(points=[[float('nan'), 1], [2, 2]]), 'nan, 1: expected finite numbers'),
    (labelme(points=[['abc', 1], [2, 2]]), 'abc, 1: expected finite numbers'),
    (labelme(group_id=[1]), 'TypeError: unhashable'),
    (labelme('point', [[1, 2]], flags=['x']), 'AttributeError'),
    (labelme('mask', mask=png(193, 10)), 'mask of 193 x 10, but its image is 192'),
    (dict(imagePath='000001.jpg', shapes=None), 'shapes=None'),
    (dict(imagePath='000001.jpg', shapes=['x']), "shape 1 is 'x'"),
    (dict(imagePath=None, shapes=[]), 'imagePath=None'),
]
CVAT = [
    ('<box label="a" xtl="1" ytl="1" xbr="5"/>', '<box> a has 1, 1, 5, None'),
    ('<box label="a" xtl="abc" ytl="1" xbr="5" ybr="3"/>', 'expected finite numbers'),
    ('<points label="a"/>', '<points> a has points=""'),
    ('<skeleton label="s"><points label="a"/></skeleton>', '<skeleton> s has points'),
    ('<polygon label="a" points="1,2"/>', 'expected at least 3'),
    ('<polygon label="a" points="1;2;3"/>', 'expected at least 3'),
    ('<mask label="a" rle="0,99999999999999" width="9" height="9"/>', 'run lengths of'),
    ('<mask label="a" rle="90,-9" width="9" height="9"/>', 'the shortest -9'),
    ('<mask label="a" rle="0,x" width="9" height="9"/>', 'expected finite numbers'),
    ('<mask label="a" rle="0,1" width="99999999" height="9"/>', 'mask of 99999999 x 9'),
    ('<box label="" xtl="1" ytl="1" xbr="5" ybr="3"/>', "classes with the name ''"),
]
VOC_BOX = '<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>{}</xmax><ymax>9</ymax></bndbox>'
VOC = [
    (f'<name/>{VOC_BOX.format(9)}', 'object 1, has no <name>'),
    (f'<name>a</name>{VOC_BOX.format("abc")}', r'object 1 \(a\), <bndbox>, has 1'),
    (f'<name>a</name>{VOC_BOX.format("nan")}', 'expected finite numbers'),
    ('<name>a</name>', 'without <bndbox>'),
]


@pytest.mark.parametrize(
    ('format_', 'content', 'message'),
    [
        *(('labelme', *row) for row in LABELME),
        *(('cvat', *row) for row in CVAT),
        *(('voc', *row) for row in VOC),
        ('coco', '[' * 100000, 'is not a JSON file'),
        ('coco', 'null', 'is not a COCO annotation file'),
    ],
)
def test_faults_are_named_with_their_file(
    format_, content, message, few_people, tmp_path
):
    file = tmp_path / ('1.json' if format_ in ('labelme', 'coco') else '000001.xml')
    if format_ == 'labelme':
        content = json.dumps(content)
    elif format_ == 'cvat':
        image = '<image name="000001.jpg" width="192" height="160">'
        content = f'<annotations>{image}{content}</image></annotations>'
    elif format_ == 'voc':
        content = f'<annotation><object>{content}</object></annotation>'
    file.write_text(content)
    source = tmp_path if format_ in ('labelme', 'voc') else file
    with pytest.raises(ValueError, match=message) as error:
        read_annotations([source], few_people / 'images/train')
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    ('line', 'changes', 'message'),
    [
        ('-1 .5 .5 .2 .2', {}, 'line 1 .* a class from 0 to 0: -1'),
        ('0.9 .5 .5 .2 .2', {}, 'a class from 0 to 0: 0.9'),
        ('inf .5 .5 .2 .2', {}, 'expected finite numbers'),
        ('0 nan .5 .2 .2', {}, 'expected finite numbers'),
        (None, dict(names='abc'), 'names=abc'),
        (None, dict(names=['a', False]), 'classes with the name False'),
        (None, dict(names=['a', 'a']), 'several classes with the name a'),
        (None, dict(names={0: 'a', 2: 'b'}), 'a name for each number from 0'),
        (None, dict(train=None), 'has no `train:`'),
        (None, dict(train=None, val=None), 'has no `train:`'),
        (None, dict(kpt_shape=5), 'kpt_shape=5'),
        (None, dict(path=7, kpt_names=3, kpt_shape=[3, 2]), 'AttributeError'),
    ],
)
def test_faults_of_yolo_are_named(line, changes, message, few_people, tmp_path):
    file = exports.to_yolo(few_people, tmp_path, 'boxes')
    if line:
        (tmp_path / 'labels/train/000002.txt').write_text(line)
    content = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(content | changes))
    with pytest.raises(FormatError, match=message) as error:
        read_annotations([file], None)
    assert str(tmp_path) in str(error.value)


def test_masks_outside_of_the_image_are_cut_off():
    inner = np.arange(12).reshape(3, 4) % 5 > 0
    for x, y in ((-2, -1), (-9, 0), (6, 7), (3, 2), (0, -3)):
        whole = np.zeros((28, 28), bool)
        whole[10 + y : 13 + y, 10 + x : 14 + x] = inner
        found = run_lengths.decode(place_mask(inner, (x, y), (8, 8)))
        assert np.array_equal(found, whole[10:18, 10:18]), (x, y)


def test_the_size_of_a_large_image_is_read_from_its_header(tmp_path):
    header = b'IHDR' + struct.pack('>2I5B', 20000, 20000, 1, 0, 0, 0, 0)
    chunk = struct.pack('>I', 13) + header + struct.pack('>I', zlib.crc32(header))
    limit = Image.MAX_IMAGE_PIXELS
    (tmp_path / 'a.png').write_bytes(
        b'\x89PNG\r\n\x1a\n' + chunk + b'\0\0\1\0IDAT' + bytes(260)
    )
    assert read_size(tmp_path / 'a.png') == (20000, 20000)
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize('task', ['pose', 'seg'])
def test_data_without_objects_are_refused(task, few_people, tmp_path):
    content = json.loads((few_people / 'annotations/train.json').read_text())
    file = tmp_path / 'a.json'
    file.write_text(json.dumps(dict(content, annotations=[])))
    with pytest.raises(FormatError, match='in the training images'):
        create(Request(task, few_people / 'images/train', (file,)), tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
