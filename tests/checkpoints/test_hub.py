"""Weights by name: mirrors in turn, checksums, a cache; from a server right here."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from importlib import metadata

import official
import pytest
import torch
from click.testing import CliRunner
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import save_file

from hrnet_mm import ARCHS, HRNet
from hrnet_mm.checkpoints import CheckpointError, hub, read, zoo
from hrnet_mm.cli import main
from hrnet_mm.libraries import LIBRARIES


@pytest.fixture
def publish_as(monkeypatch):
    """Let a name stand for URLs, or for mirrors with digests of their own."""

    def publish(name: str, *mirrors: str | zoo.Mirror) -> None:
        made = (zoo.make_mirror(it) if isinstance(it, str) else it for it in mirrors)
        weights = zoo.Weights(name, tuple(made), 'ImageNet-1k')
        monkeypatch.setitem(zoo.weights(), name, weights)

    return publish


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


@pytest.mark.parametrize(
    'name', ['trunk-{}.pth', 'trunk-{}_20200708.pth', 'trunk_{}-20221228.pth']
)
def test_mirrors_are_tried_in_turn_and_the_file_is_kept(
    name, server, tmp_path, publish_as
):
    address, folder, asked = server
    name = publish(folder, name)
    publish_as('a/b', f'{address}/gone-00000000.pth', f'{address}/{name}')
    path = hub.fetch('hrnet://a/b')
    assert path == tmp_path / 'cache' / name
    assert read(path).trunk.arch == 'w18_small_v1'
    asked.clear()
    assert hub.fetch('a/b') == path
    assert not asked


def test_another_checksum_is_refused_and_not_kept(server, tmp_path, publish_as):
    """Both digests are named, and the next mirror is tried."""
    address, folder, _ = server
    content = b'<html>Sign in</html>'
    (folder / 'trunk-12345678.pth').write_bytes(content)
    wrong = f'{address}/trunk-12345678.pth'
    publish_as('a', wrong)
    with pytest.raises(CheckpointError) as error:
        hub.fetch('a')
    digest = hashlib.sha256(content).hexdigest()
    assert f'{wrong} (its SHA-256 is {digest}, not 12345678...)' in str(error.value)
    assert list((tmp_path / 'cache').iterdir()) == []
    name = publish(folder, 'other-{}.pth')
    publish_as('a', wrong, f'{address}/{name}')
    assert hub.fetch('a').name == name
    assert {path.name for path in (tmp_path / 'cache').iterdir()} == {name}


def test_all_digits_are_verified_where_they_are_known(server, publish_as):
    """Each mirror has its own: a wrapped file is another file."""
    address, folder, _ = server
    name = publish(folder, 'trunk.pth')
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    other = digest[:8] + '0' * 56
    publish_as('a', zoo.make_mirror(f'{address}/{name}', other))
    with pytest.raises(CheckpointError, match=f'{digest}, not {other}\\)'):
        hub.fetch('a')
    publish_as('a', zoo.make_mirror(f'{address}/{name}', digest))
    result = CliRunner().invoke(main, ['fetch', 'a'])
    assert f'SHA-256 {digest} (verified)' in result.output


def test_a_file_copied_into_the_cache_is_verified_once(tmp_path, publish_as, server):
    cache = tmp_path / 'cache'
    cache.mkdir()
    file = cache / 'pose.pth'
    file.write_bytes(b'right')
    digest = hashlib.sha256(b'right').hexdigest()
    publish_as('a', zoo.Mirror('pose.pth', None, digest))
    assert hub.fetch('a') == file
    kept = cache / 'pose.pth.sha256'
    assert kept.read_text().split()[0] == digest
    kept.write_text(kept.read_text().replace(digest, 'f' * 64))
    with pytest.raises(CheckpointError, match='ffff, not'):  # so it was not read again
        hub.fetch('a')
    file.write_bytes(b'damaged')
    found = hashlib.sha256(b'damaged').hexdigest()
    with pytest.raises(CheckpointError, match='Remove it') as error:
        hub.fetch('a')
    assert f'{file} is not the file that was published' in str(error.value)
    assert f'its SHA-256 is {found}, not {digest}' in str(error.value)
    assert file.read_bytes() == b'damaged'  # it may be somebody's only copy


def test_a_read_only_cache_serves(tmp_path, publish_as, server, monkeypatch):
    (tmp_path / 'cache').mkdir()
    (tmp_path / 'cache/pose.pth').write_bytes(b'right')
    digest = hashlib.sha256(b'right').hexdigest()
    publish_as('a', zoo.Mirror('pose.pth', None, digest))

    def refuse(*args: object) -> None:
        raise PermissionError

    monkeypatch.setattr('hrnet_mm.checkpoints.checksums.write_atomically', refuse)
    assert hub.fetch('a').is_file()


@pytest.mark.parametrize('wrapped', [False, True])
def test_the_official_pose_file_and_its_wrapped_mirror_load(
    wrapped, tmp_path, monkeypatch, server
):
    """By name, into the config of the same model; the mirror has further keys."""
    state = official.Pose().state_dict()
    (tmp_path / 'cache').mkdir()
    own, mirror = hub.list_mirrors('hrnet_w32_coco-256x192/official')
    file = tmp_path / 'cache' / (mirror if wrapped else own).file
    names = {0: 'person'}
    content = dict(model=state, model_family='hrnet', names=names, oks_sigmas=[0.1])
    torch.save(content if wrapped else state, file)
    with pytest.raises(
        CheckpointError, match=own.sha256 if not wrapped else 'not c9d8'
    ):
        hub.fetch('hrnet_w32_coco-256x192/official')  # it is none of these files
    known = zoo.weights()['hrnet_w32_coco-256x192/official']
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    mirrors = [replace(it, sha256=digest) for it in known.mirrors]
    same = replace(known, mirrors=tuple(mirrors))
    monkeypatch.setitem(zoo.weights(), known.name, same)
    result = CliRunner().invoke(main, ['inspect', known.name, '--json'])
    found = json.loads(result.output)
    assert found['family'] == 'official pose'
    assert found['outputs'] == 17
    target = tmp_path / 'converted.pth'
    result = CliRunner().invoke(
        main, ['convert', f'hrnet://{known.name}', str(target), '--to', 'mmpose']
    )
    assert result.exit_code == 0, result.output
    assert torch.equal(
        torch.load(target)['state_dict']['head.final_layer.weight'],
        state['final_layer.weight'],
    )


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


def test_every_mirror_is_named_and_what_to_do(server, publish_as):
    address, *_ = server
    urls = (f'{address}/b.pth', 'http://127.0.0.1:9/c.pth')
    publish_as('a', *urls)
    with pytest.raises(CheckpointError) as error:
        hub.fetch('a')
    copied = f'copy the file that it names into {hub.cache_folder()}'
    for words in (*urls, 'File not found', 'refused', copied):
        assert words in str(error.value)
    with pytest.raises(CheckpointError, match='cannot be downloaded'):
        CheckpointLoader.load_checkpoint('hrnet://a', logger='silent')


def test_the_commands_take_names(server, publish_as):
    address, folder, _ = server
    url = f'{address}/{publish(folder, "trunk-{}.pth")}'
    publish_as('w18_small_v1/imagenet', url)
    for name in ('w18_small_v1/imagenet', 'hrnet://w18_small_v1/imagenet'):
        result = CliRunner().invoke(main, ['inspect', name, '--json'])
        assert '"arch": "w18_small_v1"' in result.output


def test_a_name_in_a_config(server, publish_as):
    address, folder, _ = server
    url = f'{address}/{publish(folder, "trunk-{}.pth")}'
    publish_as('w18_small_v1/imagenet', url)
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
    for recipe in (
        'topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192',
        'topdown_heatmap/coco/td-hm_hrnet-w48_8xb32-210e_coco-256x192',
        'dekr/coco/dekr_hrnet-w32_8xb10-140e_coco-512x512',
        'dekr/crowdpose/dekr_hrnet-w32_8xb10-300e_crowdpose-512x512',
    ):
        text = (recipes / f'body_2d_keypoint/{recipe}.py').read_text()
        known += re.sub(r"'\s+'", '', text)  # a URL in two pieces
    from mmpose.apis.inferencers.utils import default_det_models

    known += json.dumps(default_det_models)
    weights = (it for it in zoo.weights().values() if it.name not in zoo.models())
    urls = [mirror.url for it in weights for mirror in it.mirrors if mirror.url]
    openmmlab = 'https://download.openmmlab.com'
    of_openmmlab = [url for url in urls if url.startswith(openmmlab)]
    assert len(of_openmmlab) == 7 + 5 + 2 + 2 + 2 + 2
    # the maintained forks have the same files on a host of their own
    paths = [url.removeprefix(openmmlab) for url in of_openmmlab]
    assert all(path in known for path in paths)
    assert all(zoo.CHECKSUM.search(url) for url in of_openmmlab)


@pytest.mark.parametrize(
    'file',
    [
        'hrnet_w32_coco-256x192-81c58e40_20220909.pth',
        'dekr_hrnet-w32_8xb10-140e_coco-512x512_81c58e40-20221228.pth',
        'hrnet-w64_3rdparty_8xb32_in1k_20220120-81c58e40.pth',
        'hrnet-w64_3rdparty_8xb32_in1k_20220120-19126642.pth',
        'hrnetv2_w18-81c58e40.pth',
    ],
)
def test_the_digest_of_a_name_is_not_its_date(file):
    digest = '19126642' if '19126642' in file else '81c58e40'
    assert zoo.CHECKSUM.search(file)[1] == digest


def test_each_file_has_a_name_of_its_own_in_the_cache():
    mirrors = {it for weights in zoo.weights().values() for it in weights.mirrors}
    assert len({mirror.file for mirror in mirrors}) == len(mirrors)
    assert 'hrnet_w48.ms_in1k.safetensors' in {mirror.file for mirror in mirrors}


def test_source_licence_and_training_data_of_all_weights_are_stated():
    for weights in zoo.weights().values():
        assert weights.trained_on
        assert weights.config is None or weights.config.is_file()
        assert 'OCHuman' not in weights.trained_on  # which is for tests
        for mirror in weights.mirrors:
            assert mirror.source.startswith('https://github.com/'), mirror
            assert re.fullmatch(r'(MIT|Apache-2\.0) \(.*\)', mirror.licence), mirror
            url = mirror.url or ''
            bare = url.startswith('https://huggingface.co/timm/')
            bare |= url.endswith('_exlpose-ll-256x192.pth')  # no digits in its name
            assert (mirror.sha256 is None) == bare, mirror
            assert len(mirror.sha256 or '8 digits') in (8, 64)


def test_licences_of_openmmlab_are_those_of_its_packages():
    for scope in ('mmpose', 'mmseg', 'mmdet'):
        library = LIBRARIES[scope].distribution
        try:
            stated = metadata.metadata(library)['License']
        except metadata.PackageNotFoundError:
            pytest.skip(f'{library} is not installed')
        assert stated == 'Apache License 2.0'
