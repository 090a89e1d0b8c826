"""What the README says is so."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from hrnet_mm.models import ARCHS


@pytest.fixture
def readme(root) -> str:
    return (root / 'README.md').read_text()


def test_the_lines_of_python_print_what_is_below_them(readme, run_python):
    code, printed = re.search(
        r'```python\n(.*?)```\s*```text\n(.*?)```', readme, re.S
    ).groups()
    done = run_python('-c', code)
    assert done.stdout == printed, done.stderr
    assert len(code.strip().splitlines()) <= 6


def test_the_table_of_configs_says_what_the_configs_say(readme, root):
    rows = re.findall(
        r'\| `((?:pose/)?[^/`]+)` \| [^|]+ \| ([\d.]+) \| (\S+) \| (\S+) \|', readme
    )
    leaves = [*(root / 'configs/pose').glob('*.py')]
    published = {f'pose/{p.name}' for p in leaves if re.search('coco|crowd', p.name)}
    assert {name for name, *_ in rows} == published | {'hrnet_w48_coco.py'}
    assert len(rows) == len(published) + 1
    for name, ap, parameters, macs in rows:
        text = (root / 'configs' / name).read_text()
        assert re.search(rf'AP {ap}[ ,]', text)
        assert f'{parameters} parameters, {macs} G MACs' in text


def test_the_table_of_faces_says_what_the_configs_say(readme, root):
    rows = re.findall(
        r'\| `pose/(hrnetv2_\S+)\.py` \| (\d+) \| ([^|]+) \| ([^|]+) \|', readme
    )
    configs = root / 'configs/pose'
    faces = configs.glob('hrnetv2_*256x256.py')
    assert {name for name, *_ in rows} == {path.stem for path in faces}
    assert len(rows) == 4
    for name, landmarks, ours, official in rows:
        for path, score in ((name, ours), (f'{name}_official', official)):
            text = (configs / f'{path}.py').read_text()
            assert f'NME {score} (' in text
            assert f' {landmarks} landmarks of faces' in text


def test_the_table_of_segmentation_says_what_the_configs_say(readme, root):
    rows = re.findall(
        r'\| `(seg/\S+)` \| ([\d.]+) \| ([^|]+) \| (\S+) \| (\S+) \|', readme
    )
    configs = {f'seg/{p.name}' for p in (root / 'configs/seg').glob('*.py')}
    assert {name for name, *_ in rows} == configs
    assert len(rows) == len(configs)
    for name, score, where, parameters, macs in rows:
        text = (root / 'configs' / name).read_text()
        first, *how = where.split(', ')
        assert f'mIoU {score} on {first.replace("test", "the test")}' in text
        assert all(word in text for word in how)
        assert f'{parameters} parameters, {macs} G MACs' in text


def test_the_table_of_detection_says_what_the_configs_say(readme, root):
    rows = re.findall(
        r'\| `(det/\S+)` \| ([^|]+) \| ([^|]+) \| (\S+) \| (\S+) \|', readme
    )
    configs = {f'det/{p.name}' for p in (root / 'configs/det').glob('*.py')}
    assert {name for name, *_ in rows} == configs
    assert f'All {len(rows)} detection configs' in readme
    sources = {'mmdet': 'MMDetection', 'official': 'HRNet-Object-Detection'}
    for name, score, source, parameters, macs in rows:
        text = (root / 'configs' / name).read_text()
        assert f'{parameters} parameters, {macs} G MACs' in text
        if score == 'none':
            assert 'no published figure' in text.replace('\n', ' ')
        else:
            figure = f'Box AP {score} on val2017 ({sources[source]}'
            assert figure.replace(' / ', ', mask AP ') in text


def test_the_table_of_classification_says_what_the_configs_say(readme, root):
    rows = re.findall(
        r'\| `(cls/\S+)` \| ([\d.]+) \| ([\d.]+|-) \| (\S+) \| (\S+) \|', readme
    )
    configs = {f'cls/{p.name}' for p in (root / 'configs/cls').glob('*.py')}
    assert {name for name, *_ in rows} == configs
    for name, top1, top5, parameters, macs in rows:
        text = (root / 'configs' / name).read_text()
        assert f'Top-1 error {top1}' in text
        assert top5 == '-' or f'top-5 error {top5} (' in text
        assert f'{parameters} parameters, {macs} G MACs' in text


def test_all_archs_are_named(readme):
    assert all(arch in readme for arch in ARCHS if arch != 'w18s')


def test_the_configs_in_the_recipes_are_read(root, tmp_path):
    from mmengine.config import Config

    text = (root / 'docs/recipes.md').read_text()
    configs = re.findall(r'```python\n(_base_.*?)```', text, re.S)
    assert len(configs) >= 2
    for i, code in enumerate(configs):
        path = tmp_path / f'config_{i}.py'
        path.write_text(code.replace("'configs/", f"'{root}/configs/"))
        cfg = Config.fromfile(str(path))
        if '/datasets/mine' in code:
            assert cfg.train_dataloader.dataset.data_root == '/datasets/mine'
            assert cfg.test_dataloader == cfg.val_dataloader


@pytest.mark.parametrize('page', ['README.md', 'CONTRIBUTING.md', 'docs'])
def test_links_and_tests_that_are_named_exist(page, root):
    pages = (
        [root / page] if page.endswith('.md') else sorted((root / page).glob('*.md'))
    )
    for path in pages:
        text = path.read_text()
        for link in re.findall(r'\]\((?!http)([^)#]+)\)', text):
            assert (path.parent / link).exists(), f'{path}: {link}'
        for name in re.findall(r'`((?:tests|configs|docs|hrnet_mm)/[\w./-]+)`', text):
            assert (root / name).exists(), f'{path}: {name}'


@pytest.mark.parametrize(
    'name',
    [
        'predictions',
        'tiny_people',
        'learning_curve',
        'body_parts',
        'people',
        'poses',
        'crowd',
        'heads',
    ],
)
def test_pictures_are_small_enough_to_clone(name, root):
    path = root / f'docs/images/{name}.jpg'
    assert path.stat().st_size < 400_000
    assert min(Image.open(path).size) >= 400
