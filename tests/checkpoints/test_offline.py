"""Jobs on a node without a network start from a cache that `hrnet-mm fetch` filled."""

from __future__ import annotations

import hashlib
import socket

import official
import pytest
import torch
from click.testing import CliRunner
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from hrnet_mm.checkpoints import CheckpointError, hub, zoo
from hrnet_mm.cli import main

NAME = 'w18_small_v1/imagenet'
LEAVES = dict(
    mmpose='pose/hrnet_w18_small_v1_tiny-pose',
    mmseg='seg/hrnetv2_w18_small_v1_tiny-seg',
    mmdet='det/faster-rcnn_hrnetv2p_w18_small_v1_tiny-det',
    mmpretrain='cls/hrnetc_w18_small_v1_tiny-cls',
)
START = f"""
init_cfg = dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://{NAME}')
model = dict(backbone=dict(init_cfg=init_cfg))
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv('HRNET_MM_CACHE', str(tmp_path / 'cache'))


@pytest.fixture
def refuse_network(monkeypatch):
    """Call it, and no connection can be opened any more."""

    def refuse(*args, **kwargs):
        raise OSError('no network')

    def start():
        for name in ('getaddrinfo', 'create_connection'):
            monkeypatch.setattr(socket, name, refuse)
        monkeypatch.setattr(socket.socket, 'connect', refuse)

    return start


class Stop(Hook):
    """Ends a job before its first step."""

    priority = 'LOWEST'

    def before_train(self, runner):
        raise KeyboardInterrupt


@pytest.fixture
def config(request, write_config):
    """A config of a library whose trunk starts from a name."""
    library = request.param
    pytest.importorskip(library)
    start = START
    if library == 'mmpretrain':  # its base has no init_cfg to merge with
        start = START.replace('dict(type', 'dict(_delete_=True, type')
    return write_config(f'{LEAVES[library]}.py', start)


@pytest.fixture
def first_weights(config, few_people, tmp_path, monkeypatch):
    """Start a job, and return the model that it would train."""

    def start() -> torch.nn.Module:
        monkeypatch.setenv('TINY_PEOPLE', str(few_people))
        cfg = Config.fromfile(config)
        cfg.merge_from_dict(
            {'work_dir': str(tmp_path), 'train_dataloader.num_workers': 0}
        )
        cfg.experiment_name = tmp_path.name  # mmengine keeps them
        cfg.train_dataloader.persistent_workers = False
        runner = Runner.from_cfg(cfg)
        runner.register_hook(Stop())
        with pytest.raises(KeyboardInterrupt):
            runner.train()
        return runner.model

    return start


@pytest.mark.parametrize('config', LEAVES, indirect=True)
def test_a_job_starts_from_what_fetch_got(
    config, web_server, refuse_network, first_weights, monkeypatch
):
    address, folder, _ = web_server
    state = official.Trunk().state_dict()
    torch.save(state, folder / 'trunk.pth')
    mirrors = (zoo.make_mirror(f'{address}/trunk.pth'),)
    monkeypatch.setitem(zoo.weights(), NAME, zoo.Weights(NAME, mirrors, 'ImageNet'))
    result = CliRunner().invoke(main, ['fetch', str(config)])
    path = hub.cache_folder() / 'trunk.pth'
    assert result.exit_code == 0, result.output
    size = f'{path.stat().st_size / 1e6:.1f} MB'
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert result.stdout == (
        f'hrnet://{NAME}: {path} ({size})\n'
        f'  SHA-256 {digest} (not published: compare it with that of another copy)\n'
    )
    refuse_network()
    trunk = first_weights().backbone.state_dict()
    common = trunk.keys() & state.keys()
    assert len(common) == len(trunk)
    assert all(torch.equal(trunk[name], state[name]) for name in common)


@pytest.mark.parametrize('config', ['mmpose'], indirect=True)
def test_without_the_file_a_job_names_the_command(
    config, refuse_network, first_weights
):
    refuse_network()
    with pytest.raises(CheckpointError, match=f'hrnet-mm fetch hrnet://{NAME}`'):
        first_weights()


def test_weights_of_all_parts_and_of_the_job_are_needed():
    cfg = Config(
        dict(
            model=dict(
                pretrained='hrnet://w48/imagenet',
                heads=[dict(init_cfg=dict(type='Pretrained', checkpoint='head.pth'))],
                teacher_ckpt='https://example.org/teacher.pth',
                test_cfg=dict(checkpoint=None),
            ),
            load_from='work_dirs/first/epoch_1.pth',
            default_hooks=dict(checkpoint=dict(interval=1)),
        )
    )
    assert hub.list_needed(cfg) == [
        'hrnet://w48/imagenet',
        'head.pth',
        'https://example.org/teacher.pth',
        'work_dirs/first/epoch_1.pth',
    ]


def test_a_config_that_needs_a_file_of_one_s_own_says_so(tmp_path):
    config = tmp_path / 'config.py'
    config.write_text("load_from = 'epoch_1.pth'")
    result = CliRunner().invoke(main, ['fetch', str(config)])
    assert result.exit_code == 2
    assert 'the file epoch_1.pth, which does not exist' in result.output


def test_a_config_without_weights_says_so(tmp_path):
    config = tmp_path / 'config.py'
    config.write_text('model = dict()')
    result = CliRunner().invoke(main, ['fetch', str(config)])
    assert 'there is nothing to fetch' in result.output


def test_names_of_mmengine_s_hub_have_the_address_that_mmengine_loads():
    (mirror,) = hub.list_mirrors('open-mmlab://msra/hrnetv2_w18')
    assert mirror.file == 'hrnetv2_w18-00eb2006.pth'
    with pytest.raises(CheckpointError, match='mmengine knows no such name'):
        hub.list_mirrors('open-mmlab://msra/hrnetv3')
