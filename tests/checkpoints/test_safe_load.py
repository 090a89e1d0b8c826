"""Checkpoint files are data: nothing in them runs, and what is wrong is said."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging.history_buffer import HistoryBuffer

from hrnet_mm import HRNet
from hrnet_mm.building import load_trained
from hrnet_mm.checkpoints import CheckpointError, hub, load, read
from hrnet_mm.checkpoints.hub import load_checkpoint
from hrnet_mm.checkpoints.safe_load import RESTRICTED
from hrnet_mm.datasets.metainfo import read_metainfo

needs_restriction = pytest.mark.skipif(
    not RESTRICTED, reason='torch < 2.6 runs what a file asks for, and load() warns'
)


MODEL = dict(
    default_scope='mmengine',
    model=dict(type='hrnet_mm.HRNet', arch='w18_small_v1'),
)


class Calls:
    """Pickles as a call of ``function(*arguments)``."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / 'model.pth'
    torch.save({'state_dict': {'weight': torch.rand(64, 64)}}, path)
    return path


def hostile(witness: Path) -> dict[str, Calls]:
    return {
        'posix.system': Calls(os.system, f'touch {witness}'),
        'eval': Calls(eval, f'open({str(witness)!r}, "w")'),
        'exec': Calls(exec, f'open({str(witness)!r}, "w")'),
        'HistoryBuffer.__subclasses__': Calls(getattr, HistoryBuffer, '__subclasses__'),
        'HistoryBuffer.__init__': Calls(getattr, HistoryBuffer, '__init__'),
        'Tensor.__class__': Calls(getattr, torch.Tensor, '__class__'),
        'HistoryBuffer.mean.__globals__': Calls(
            getattr, Calls(getattr, HistoryBuffer, 'mean'), '__globals__'
        ),
    }


@needs_restriction
@pytest.mark.parametrize('scheme', ['', 'https://'])
def test_safety_does_not_depend_on_the_patch_of_mmengine(scheme, tmp_path, monkeypatch):
    """The stock loader, which `compat` replaces, unpickles files from URLs."""
    monkeypatch.setenv('HRNET_MM_CACHE', str(tmp_path))
    monkeypatch.setattr(
        'mmengine.runner.checkpoint.CheckpointLoader.load_checkpoint',
        lambda *args, **kwargs: pytest.fail('the stock loader is called'),
    )
    path, witness = tmp_path / 'hostile.pth', tmp_path / 'witness'
    torch.save({'state_dict': {}, 'meta': hostile(witness)['eval']}, path)
    source = f'https://example.org/{path.name}' if scheme else str(path)
    for call in (
        lambda: read(source),
        lambda: load_trained(Config(dict(MODEL)), source),
        lambda: read_metainfo(Config(dict(MODEL)), 2, source),
    ):
        with pytest.raises(CheckpointError, match='it asks to run `eval`'):
            call()
    assert not witness.exists()


def test_an_unknown_scheme_is_refused():
    with pytest.raises(CheckpointError, match=r'foo://x: unknown scheme; give a path'):
        load_checkpoint('foo://x')


@needs_restriction
@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('asked', hostile(Path('x')))
def test_code_is_refused_by_name_and_does_not_run(asked, zipped, tmp_path):
    witness, path = tmp_path / 'witness', tmp_path / 'hostile.pth'
    contents = {'state_dict': {}, 'meta': hostile(witness)[asked]}
    torch.save(contents, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError) as error:
        load(path)
    assert f'`{asked}`' in str(error.value)
    assert str(path) in str(error.value)
    assert not witness.exists()


@needs_restriction
def test_mmengine_s_loader_refuses_it_too(tmp_path):
    from mmengine.runner import load_checkpoint

    witness, path = tmp_path / 'witness', tmp_path / 'hostile.pth'
    torch.save(Calls(os.system, f'touch {witness}'), path)
    with pytest.raises(CheckpointError, match=r'posix\.system'):
        load_checkpoint(torch.nn.Linear(1, 1), str(path))
    assert not witness.exists()


@needs_restriction
def test_a_url_is_refused_too(tmp_path, monkeypatch):
    """torch's own loader of URLs unpickles without restriction."""
    from mmengine.runner import load_checkpoint

    witness, cache = tmp_path / 'witness', tmp_path / 'checkpoints'
    cache.mkdir()
    torch.save(Calls(os.system, f'touch {witness}'), cache / 'cached.pth')
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    with pytest.raises(CheckpointError, match=r'posix\.system'):
        load_checkpoint(torch.nn.Linear(1, 1), 'https://example.com/cached.pth')
    assert not witness.exists()


def test_weights_that_cannot_be_downloaded_say_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    init_cfg = dict(type='Pretrained', checkpoint='http://localhost:9/weights.pth')
    trunk = HRNet('w18_small_v1', norm_eval=True, init_cfg=init_cfg)
    scratch = r'checkpoint=FILE.*init_cfg=None model\.backbone\.norm_eval=False'
    with pytest.raises(CheckpointError, match=scratch):
        trunk.init_weights()


def test_an_inferencer_gets_no_advice_for_training(tmp_path, monkeypatch):
    from mmengine.runner import load_checkpoint

    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    (mirror,) = hub.list_mirrors('person-detector')
    monkeypatch.setattr(hub, 'download', lambda *args: (_ for _ in ()).throw(OSError))
    with pytest.raises(CheckpointError, match='fetch person-detector`') as error:
        load_checkpoint(torch.nn.Linear(1, 1), mirror.url)
    assert 'init_cfg' not in str(error.value)


def test_what_mmengine_saves_is_read(tmp_path):
    history = HistoryBuffer([0.5, 0.25], [1, 1])
    path = tmp_path / 'epoch_1.pth'
    torch.save({'message_hub': {'log_scalars': {'loss': history}}}, path)
    loaded = load(path)['message_hub']['log_scalars']['loss']
    assert loaded.statistics('mean') == 0.375
    assert loaded.current() == 0.25


def test_what_describes_faces_is_read(tmp_path):
    path = tmp_path / 'epoch_1.pth'
    torch.save({'dataset_meta': {'sigmas': np.array([])}}, path)
    assert load(path)['dataset_meta']['sigmas'].shape == (0,)


def test_a_registered_statistic_is_read(tmp_path, monkeypatch):
    def spread(self):
        return self.max() - self.min()

    monkeypatch.setattr(HistoryBuffer, 'spread', spread, raising=False)
    monkeypatch.setitem(HistoryBuffer._statistics_methods, 'spread', spread)
    path = tmp_path / 'epoch_1.pth'
    torch.save(Calls(getattr, HistoryBuffer, 'spread'), path)
    assert load(path) is spread


@pytest.mark.parametrize('share', [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])
@pytest.mark.parametrize('zipped', [True, False])
def test_a_truncated_file_is_named(share, zipped, tmp_path):
    path = tmp_path / 'model.pth'
    torch.save(
        {'weight': torch.rand(64, 64)}, path, _use_new_zipfile_serialization=zipped
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match='damaged, incomplete') as error:
        load(path)
    assert f'{int(share * len(whole))} bytes' in str(error.value)
    assert str(path) in str(error.value)


def test_a_web_page_instead_of_weights_is_named(tmp_path):
    path = tmp_path / 'model.pth'
    path.write_text('<!DOCTYPE html><html>Not found</html>')
    with pytest.raises(CheckpointError, match='web page'):
        load(path)


def test_an_absent_file_is_named_with_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=f'model.pth.*{tmp_path}'):
        load('model.pth')


def test_a_problem_of_the_device_is_not_blamed_on_the_file(checkpoint):
    with pytest.raises((RuntimeError, AssertionError)) as error:
        load(checkpoint, map_location='nowhere:0')
    assert not isinstance(error.value, CheckpointError)


def test_old_torch_warns_that_it_cannot_restrict(checkpoint, monkeypatch):
    monkeypatch.setattr('hrnet_mm.checkpoints.safe_load.RESTRICTED', False)
    with pytest.warns(UserWarning, match=r'any code.*torch >= 2\.6'):
        assert load(checkpoint)['state_dict']['weight'].shape == (64, 64)


def test_plain_pickles_are_refused(tmp_path):
    path = tmp_path / 'model.pkl'
    path.write_bytes(pickle.dumps({'weight': os.getcwd}))
    with pytest.raises(CheckpointError):
        load(path)
