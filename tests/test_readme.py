"""What the README says is so."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from hrnet_mm.models import ARCHS

TEST = re.compile(r'def (test_\w+)')


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


def test_the_tables_of_scores_are_those_of_the_metafiles(root, run_python):
    done = run_python(str(root / 'tools/model_zoo.py'), '--check')
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_archs_are_named(readme):
    assert all(arch in readme for arch in ARCHS if arch != 'w18s')


def test_the_configs_in_the_docs_are_read(root, tmp_path):
    from mmengine.config import Config

    pages = (root / 'docs').glob('*.md')
    text = ''.join(page.read_text() for page in pages)
    configs = re.findall(r'```python\n(_base_ = \[.configs.*?)```', text, re.S)
    assert len(configs) >= 7
    for i, code in enumerate(configs):
        path = tmp_path / f'config_{i}.py'
        path.write_text(code.replace("'configs/", f"'{root}/configs/"))
        cfg = Config.fromfile(str(path))
        if '/datasets/mine' in code:
            assert cfg.train_dataloader.dataset.data_root == '/datasets/mine'
            assert cfg.test_dataloader == cfg.val_dataloader


@pytest.mark.parametrize('page', ['README.md', 'CONTRIBUTING.md', 'docs'])
def test_links_and_tests_that_are_named_exist(page, root):
    modules = [*(root / 'tests').rglob('*.py')]
    defined = {name for module in modules for name in TEST.findall(module.read_text())}
    defined |= {module.stem for module in modules}
    pages = (
        [root / page] if page.endswith('.md') else sorted((root / page).glob('*.md'))
    )
    for path in pages:
        text = path.read_text()
        for link in re.findall(r'\]\((?!http)([^)#]+)\)', text):
            assert (path.parent / link).exists(), f'{path}: {link}'
        for name in re.findall(r'`((?:tests|configs|docs|hrnet_mm)/[\w./-]+)`', text):
            assert (root / name).exists(), f'{path}: {name}'
        for name in re.findall(r'`(test_\w+)(?:\.py)?`', text):
            assert name in defined or name == 'test_cfg', f'{path}: {name}'


@pytest.mark.parametrize(
    'name',
    [
        'predictions',
        'tiny_people',
        'learning_curve',
        'body_parts',
        'depth',
        'people',
        'poses',
        'crowd',
        'heads',
        'check',
        'crossing',
        'new_sheet',
        'new_predictions',
    ],
)
def test_pictures_are_small_enough_to_clone(name, root):
    path = root / f'docs/images/{name}.jpg'
    assert path.stat().st_size < 400_000
    assert min(Image.open(path).size) >= 400
