"""Weights by name: mirrors in turn, checksums, a cache; from a server right here."""

from __future__ import annotations

import hashlib
import json
import re

import official
import pytest
import torch
from click.testing import CliRunner
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import save_file

from hrnet_mm import ARCHS, HRNet
from hrnet_mm.checkpoints import CheckpointError, hub, read
from hrnet_mm.cli import main


@pytest.fixture
def server(web_server, tmp_path, monkeypatch):
    """An address, its folder, and what was asked of it; the cache is empty."""
    monkeypatch.setenv('HRNET_MM_CACHE', str(tmp_path / 'cache'))
    return web_server


def publish(folder, name='w18_{}.pth') -> str:
    """A trunk under a name that ends in its checksum."""
    path = folder / 'x'
    torch.save(official.Trunk().state_dict(), path)
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return path.rename(folder / name.format(digits)).name


@pytest.mark.parametrize('name', ['trunk-{}.pth', 'trunk-{}_20200708.pth'])
def test_mirrors_are_tried_in_turn_and_the_file_is_kept(
    name, server, tmp_path, monkeypatch
):
    address, folder, asked = server
    name = publish(folder, name)
    urls = (f'{address}/gone-00000000.pth', f'{address}/{name}')
    monkeypatch.setitem(hub.MIRRORS, 'a/b', urls)
    path = hub.fetch('hrnet://a/b')
    assert path == tmp_path / 'cache' / name
    assert read(path).trunk.arch == 'w18_small_v1'
    asked.clear()
    assert hub.fetch('a/b') == path
    assert not asked


def test_another_checksum_is_refused_and_not_kept(server, tmp_path, monkeypatch):
    address, folder, _ = server
    (folder / 'trunk-12345678.pth').write_text('<html>Sign in</html>')
    url = f'{address}/trunk-12345678.pth'
    monkeypatch.setitem(hub.MIRRORS, 'a', (url,))
    with pytest.raises(CheckpointError, match=r'trunk-12345678\.pth \(invalid hash'):
        hub.fetch('a')
    assert list((tmp_path / 'cache').iterdir()) == []


PROCESSES = """
import torch.distributed as dist
from hrnet_mm.checkpoints import read
dist.init_process_group('gloo')
print(f'rank {dist.get_rank()}:', read('hrnet://w18_small_v1/imagenet').trunk.arch)
"""


@pytest.mark.jobs
def test_each_process_of_a_job_loads_a_name(tmp_path, run_python):
    """mmengine's `get_local_rank` raises unless somebody made a group for it."""
    (name, *_) = hub.cached_files('w18_small_v1/imagenet')
    (tmp_path / 'cache').mkdir()
    trunk = HRNet('w18_small_v1').state_dict()
    save_file(trunk, tmp_path / 'cache' / name.name)
    script = tmp_path / 'job.py'
    script.write_text(PROCESSES)
    launch = ('-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2')
    done = run_python(*launch, str(script), HRNET_MM_CACHE=str(tmp_path / 'cache'))
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count(': w18_small_v1') == 2


def test_every_mirror_is_named_and_what_to_do(server, monkeypatch):
    address, *_ = server
    urls = (f'{address}/b.pth', 'http://127.0.0.1:9/c.pth')
    monkeypatch.setitem(hub.MIRRORS, 'a', urls)
    with pytest.raises(CheckpointError) as error:
        hub.fetch('a')
    copied = 'copy the file to ' + str(hub.cache_folder() / 'b.pth')
    for words in (*urls, 'File not found', 'refused', copied):
        assert words in str(error.value)
    with pytest.raises(CheckpointError, match='cannot be downloaded'):
        CheckpointLoader.load_checkpoint('hrnet://a', logger='silent')


def test_the_commands_take_names(server, monkeypatch):
    address, folder, _ = server
    url = f'{address}/{publish(folder, "trunk-{}.pth")}'
    monkeypatch.setitem(hub.MIRRORS, 'w18_small_v1/imagenet', (url,))
    for name in ('w18_small_v1/imagenet', 'hrnet://w18_small_v1/imagenet'):
        result = CliRunner().invoke(main, ['inspect', name, '--json'])
        assert '"arch": "w18_small_v1"' in result.output


def test_a_name_in_a_config(server, monkeypatch):
    address, folder, _ = server
    url = f'{address}/{publish(folder, "trunk-{}.pth")}'
    monkeypatch.setitem(hub.MIRRORS, 'w18_small_v1/imagenet', (url,))
    init_cfg = dict(type='hrnet_mm.Pretrained')
    trunk = HRNet(
        'w18_small_v1',
        init_cfg=dict(init_cfg, checkpoint='hrnet://w18_small_v1/imagenet'),
    )
    trunk.init_weights()
    by_url = HRNet('w18_small_v1', init_cfg=dict(init_cfg, checkpoint=url))
    by_url.init_weights()
    (file,) = folder.iterdir()
    assert torch.equal(trunk.conv1.weight, read(file).tensors['backbone.conv1.weight'])
    assert torch.equal(trunk.conv1.weight, by_url.conv1.weight)


def test_safetensors_of_a_url(server):
    address, folder, _ = server
    state = official.Trunk().state_dict()
    save_file(state, folder / 'trunk.safetensors')
    url = f'{address}/trunk.safetensors'
    content = CheckpointLoader.load_checkpoint(url, logger='silent')
    assert torch.equal(content['conv1.weight'], state['conv1.weight'])


def test_an_unknown_name_is_told_the_nearest():
    result = CliRunner().invoke(main, ['fetch', 'w48/imagnet'])
    assert result.exit_code == 2
    assert "no weights 'w48/imagnet'" in result.output
    assert 'names: w48/imagenet, ' in result.output
    assert len(result.output) < 300


def test_the_command_lists_a_name_for_every_arch():
    names = CliRunner().invoke(main, ['fetch']).output.split()
    archs = {arch for arch in ARCHS if arch != 'w18s'}
    assert {f'{arch}/imagenet' for arch in archs} <= set(names)


def test_openmmlab_s_addresses_are_those_of_its_libraries():
    """The metafile of mmpretrain, the hub of mmengine, the recipes of mmpose."""
    from importlib.util import find_spec
    from pathlib import Path

    mmpretrain, mmpose = map(find_spec, ('mmpretrain', 'mmpose'))
    if mmpretrain is None or mmpose is None:
        pytest.skip('mmpretrain or mmpose is not installed')
    library = Path(mmpretrain.origin).parent
    known = (library / '.mim/configs/hrnet/metafile.yml').read_text()
    index = Path(find_spec('mmengine').origin).parent / 'hub/openmmlab.json'
    known += json.dumps(json.loads(index.read_text()))
    recipes = Path(mmpose.origin).parent / '.mim/configs'
    for name in ('coco/td-hm_hrnet-w32_8xb64', 'coco/td-hm_hrnet-w48_8xb32'):
        recipe = f'{name}-210e_coco-256x192.py'
        text = (recipes / 'body_2d_keypoint/topdown_heatmap' / recipe).read_text()
        known += re.sub(r"'\s+'", '', text)  # a URL in two pieces
    from mmpose.apis.inferencers.utils import default_det_models

    known += json.dumps(default_det_models)
    urls = [url for mirrors in hub.MIRRORS.values() for url in mirrors]
    of_openmmlab = [url for url in urls if url.startswith(hub.OPENMMLAB)]
    assert len(of_openmmlab) == 7 + 5 + 2 + 2 + 2
    # the maintained forks have the same files on a host of their own
    paths = [url.removeprefix(hub.OPENMMLAB) for url in of_openmmlab]
    assert all(path in known for path in paths)
    assert all(hub.CHECKSUM.search(url) for url in of_openmmlab)


def test_files_of_timm_have_names_of_their_own():
    names = {hub.file_name(url) for mirrors in hub.MIRRORS.values() for url in mirrors}
    assert len(names) == sum(map(len, hub.MIRRORS.values()))
    assert 'hrnet_w48.ms_in1k.safetensors' in names
