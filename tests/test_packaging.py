"""What a wheel ships, and that it works where only the wheel is."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.version import Version

import hrnet_mm
from hrnet_mm.checkpoints import zoo


@pytest.fixture(scope='module')
def source(tmp_path_factory) -> Path:
    """A copy of the sources."""
    source = tmp_path_factory.mktemp('wheel') / 'source'
    root = Path(__file__).resolve().parent.parent
    for name in ('hrnet_mm', 'configs', 'tests', 'docs', 'tools'):
        shutil.copytree(root / name, source / name, symlinks=True)
    for path in root.iterdir():
        if path.is_file():
            shutil.copy(path, source)
    return source


def build(kind: str, source: Path, folder: Path) -> Path:
    """Build what a kind of install needs, and return the wheel."""
    folder.mkdir(exist_ok=True)
    code = f'from build_backend import {kind}; {kind}({str(folder)!r})'
    env = {**os.environ, 'PYTHONPATH': str(source / 'tools')}
    command = [sys.executable, '-c', code]
    subprocess.run(command, cwd=source, env=env, check=True, capture_output=True)
    return next(folder.glob('*.whl'), folder)


@pytest.fixture(scope='module')
def wheel(source, tmp_path_factory) -> Path:
    return build('build_wheel', source, tmp_path_factory.mktemp('built'))


def test_an_editable_install_wins_over_a_clone_of_the_same_name(source, tmp_path):
    """In the folder that holds the clone, the package is imported, not the clone."""
    path = build('build_editable', source, tmp_path)
    site, here = tmp_path / 'site', tmp_path / 'here'
    zipfile.ZipFile(path).extractall(site)
    (here / 'hrnet_mm').mkdir(parents=True)
    # -S: without the packages of this environment, which has hrnet_mm installed
    code = (
        f'import site; site.addsitedir({str(site)!r})\n'
        'from hrnet_mm import __file__; print(__file__)'
    )
    done = subprocess.run(
        [sys.executable, '-S', '-c', code], cwd=here, capture_output=True, text=True
    )
    assert Path(done.stdout.strip()) == source / 'hrnet_mm/__init__.py', done.stderr


def test_the_wheel_has_code_types_and_the_resources_of_mim(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        'hrnet_mm.pth',
        'hrnet_mm_cli.py',
        'hrnet_mm_standins.py',
        'hrnet_mm/__init__.py',
        'hrnet_mm/models/hrnet.py',
        'hrnet_mm/standins/mmcv_ext/__init__.py',
        'hrnet_mm/standins/xtcocotools/__init__.py',
        'hrnet_mm/tiny_people/dataset.py',
        'hrnet_mm/doctor/probe.py',
        'hrnet_mm/py.typed',
        'hrnet_mm/.mim/configs/hrnet_w48_coco.py',
        'hrnet_mm/.mim/configs/pose/metafile.yml',
        'hrnet_mm/.mim/model-index.yml',
        'hrnet_mm/.mim/configs/weights.yml',
        'hrnet_mm/.mim/tools/train.py',
        'hrnet_mm/.mim/tools/test.py',
        'hrnet_mm/.mim/configs/_base_/pose/topdown.py',
        'hrnet_mm/.mim/configs/_base_/widths/w48.py',
        'hrnet_mm/.mim/configs/pose/hrnet_w18_small_v1_tiny-pose.py',
    }
    assert expected <= names, expected - names
    (top,) = (name for name in names if name.endswith('top_level.txt'))
    # mim takes the first for the package
    assert zipfile.ZipFile(wheel).read(top).split()[0] == b'hrnet_mm'
    assert not [name for name in names if name.startswith(('tests', 'docs'))]


def test_mim_finds_each_config_of_the_wheel_once(wheel):
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]
    configs = [path.name for path in names if '.mim/configs' in str(path)]
    leaves = {Path(entry['Config']).name for entry in zoo.entries()}
    assert leaves <= {*configs}
    assert [name for name in leaves if configs.count(name) > 1] == []


def test_the_source_distribution_makes_the_same_wheel(source, wheel, tmp_path):
    build('build_sdist', source, tmp_path)
    (archive,) = tmp_path.glob('*.tar.gz')
    shutil.unpack_archive(archive, tmp_path)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    again = build('build_wheel', folder, tmp_path / 'again')
    ours, theirs = (zipfile.ZipFile(path) for path in (wheel, again))
    assert set(ours.namelist()) == set(theirs.namelist())


def test_an_index_accepts_the_metadata(wheel):
    """The checks of `twine check --strict`, but for the rendering of the README."""
    archive = zipfile.ZipFile(wheel)
    (name,) = (n for n in archive.namelist() if n.endswith('METADATA'))
    stated = Metadata.from_email(archive.read(name), validate=True)
    assert stated.description_content_type == 'text/markdown'
    assert '# hrnet_mm' in stated.description
    assert str(stated.version) == hrnet_mm.__version__
    extras = {'pose', 'seg', 'det', 'cls', 'all', 'export', 'hub'}
    assert set(stated.provides_extra) == extras


def test_the_version_is_the_newest_of_the_changelog(root):
    """A release renames the section Unreleased to `VERSION, DATE`."""
    sections = re.findall('^## (.+)$', (root / 'CHANGELOG.md').read_text(), re.M)
    released = [title for title in sections if title != 'Unreleased']
    assert sections[:1] == ['Unreleased'] or released[0].startswith(
        f'{hrnet_mm.__version__}, '
    )
    versions = [Version(title.split(',')[0]) for title in released]
    assert versions == sorted(versions, reverse=True)
    assert all(version <= Version(hrnet_mm.__version__) for version in versions)


@pytest.mark.parametrize('kind', ['build_wheel', 'build_editable'])
def test_an_installed_package_has_operators_when_python_starts(kind, source, tmp_path):
    """And pip finds its file in RECORD, so that it goes when the package goes."""
    path = build(kind, source, tmp_path)
    site = tmp_path / 'site'
    archive = zipfile.ZipFile(path)
    archive.extractall(site)
    code = (
        f'import site, sys; site.addsitedir({str(site)!r})\n'
        "finder = sys.modules['hrnet_mm_standins'].StandInFinder(['mmcv._ext'])\n"
        "print(finder.find_spec('mmcv._ext').origin)"
    )
    command = [sys.executable, '-S', '-c', code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    folder = site if kind == 'build_wheel' else source
    expected = folder / 'hrnet_mm/standins/mmcv_ext/__init__.py'
    assert Path(done.stdout.strip()) == expected, done.stderr
    (record,) = (n for n in archive.namelist() if n.endswith('RECORD'))
    lines = csv.reader(archive.read(record).decode().split())
    rows = {name: rest for name, *rest in lines}
    digest, size = rows['hrnet_mm.pth']
    content = archive.read('hrnet_mm.pth')
    assert int(size) == len(content)
    ours = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
    assert digest == f'sha256={ours.rstrip("=")}'
    assert set(rows) == set(archive.namelist())


def test_the_command_and_the_configs_work_from_the_wheel(wheel, tmp_path, run_python):
    site = tmp_path / 'site'
    zipfile.ZipFile(wheel).extractall(site)
    done = run_python(
        '-c',
        'import hrnet_mm, pathlib\n'
        'from hrnet_mm.pose import demo\n'
        'from mmengine.config import Config\n'
        'folder = pathlib.Path(hrnet_mm.__file__).parent\n'
        "config = folder / '.mim/configs' / demo.CONFIG\n"
        'print(Config.fromfile(str(config)).codec.type)\n'
        'print(folder)',
        cwd=tmp_path,
        PYTHONPATH=str(site),
    )
    assert done.stdout.split()[-2:] == ['MSRAHeatmap', str(site / 'hrnet_mm')], (
        done.stderr[-2000:]
    )


@pytest.mark.jobs
def test_mim_searches_and_downloads_from_the_wheel(
    wheel, tmp_path, mim, run_python, web_server
):
    """What is downloaded is a config without bases, and its weights."""
    address, folder, _ = web_server
    (folder / 'weights.pth').write_bytes(b'weights')
    site, there = tmp_path / 'site', tmp_path / 'there'
    zipfile.ZipFile(wheel).extractall(site)
    index = site / 'hrnet_mm/.mim/configs/pose/metafile.yml'
    urls = re.sub('https://.*', f'{address}/weights.pth', index.read_text())
    index.write_text(urls)
    code = (
        'from mim.commands.search import get_model_info\n'
        'print(len(get_model_info("hrnet_mm", models=["hrnet"])))'
    )
    done = run_python('-c', code, cwd=tmp_path, PYTHONPATH=str(site))
    assert done.stdout.split()[-1:] == [str(len(zoo.entries()))], done.stderr[-2000:]
    arguments = ('download', 'hrnet_mm', '--config', 'hrnet_w48_coco', '--dest', there)
    done = mim(*arguments, cwd=tmp_path, PYTHONPATH=str(site))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert {path.name for path in there.iterdir()} == {
        'hrnet_w48_coco.py',
        'weights.pth',
    }
    assert "arch='w48'" in (there / 'hrnet_w48_coco.py').read_text()


@pytest.mark.jobs
def test_mim_trains_and_tests_a_config_by_its_name(wheel, tmp_path, mim, few_people):
    """In an empty folder, with nothing but the wheel."""
    pytest.importorskip('mmpose')
    site, here = tmp_path / 'site', tmp_path / 'here'
    zipfile.ZipFile(wheel).extractall(site)
    here.mkdir()
    name = 'hrnet_w18_small_v1_tiny-pose.py'
    options = ('--work-dir', 'job', '--cfg-options', 'train_cfg.max_epochs=1')
    environment = dict(PYTHONPATH=str(site), TINY_PEOPLE=str(few_people))
    done = mim('train', 'hrnet_mm', name, *options, cwd=here, **environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert str(site / 'hrnet_mm/.mim/tools/train.py') in done.stdout
    checkpoint = ('--checkpoint', 'job/epoch_1.pth')
    done = mim('test', 'hrnet_mm', name, *checkpoint, cwd=here, **environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert 'coco/AP' in done.stdout + done.stderr


def test_a_plain_install_changes_nothing_that_is_there(wheel):
    """No version is asked for, and nothing of OpenMMLab outside the extras."""
    archive = zipfile.ZipFile(wheel)
    (name,) = (n for n in archive.namelist() if n.endswith('METADATA'))
    lines = archive.read(name).decode().splitlines()
    needs = [s.split(': ')[1] for s in lines if s.startswith('Requires-Dist')]
    plain = {need for need in needs if 'extra ==' not in need}
    assert plain == {
        'torch', 'numpy', 'click', 'rich', 'matplotlib', 'pycocotools',
        'faster-coco-eval', 'safetensors',
    }  # fmt: skip


def test_pre_commit_has_the_versions_of_make_lint(root):
    hooks = (root / '.pre-commit-config.yaml').read_text()
    lock = (root / 'requirements/dev.txt').read_text()
    for name in ('ruff', 'codespell'):
        version = re.search(rf'^{name}==(.*)$', lock, re.M)[1]
        assert re.search(rf'{name}[\w/-]*\n    rev: v{re.escape(version)}\n', hooks)
