"""Damaged and hostile files: nothing runs, one message, exit code 2."""

from __future__ import annotations

import io
import os
import pickle
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import official
import pytest
import torch
from click.testing import CliRunner
from mmengine.logging.history_buffer import HistoryBuffer
from safetensors.torch import save as as_safetensors

from hrnet_mm.checkpoints.safe_load import RESTRICTED
from hrnet_mm.cli import main


class Calls:
    """Pickles as a call of ``function(*arguments)``."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def saved(content: object, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def weights() -> dict[str, torch.Tensor]:
    return official.Pose(width=4, blocks=1).state_dict()


def cut(share: float, zipped: bool) -> bytes:
    whole = saved(weights(), zipped)
    return whole[: int(share * len(whole))]


def flipped(at: float) -> bytes:
    whole = bytearray(saved(weights()))
    whole[int(at * len(whole))] ^= 8
    return bytes(whole)


def zip_of(entries: dict[str, bytes], compression: int, mode: int = 0) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', compression) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return file.getvalue()


def bomb() -> bytes:
    """A few kilobytes that unpack to a hundred megabytes."""
    zeros = bytes(10**8)
    entries = {'a/data.pkl': pickle.dumps({}), 'a/data/0': zeros, 'a/version': b'3'}
    return zip_of(entries, zipfile.ZIP_DEFLATED)


def with_a_link() -> bytes:
    """An entry of the archive that is a symbolic link to a file of this machine."""
    entries = {'a/data.pkl': b'/etc/passwd', 'a/version': b'3'}
    return zip_of(entries, zipfile.ZIP_STORED, stat.S_IFLNK | 0o777)


def many_keys() -> bytes:
    return saved({f'key{i}': torch.zeros(1) for i in range(3000)})


def many_blocks() -> bytes:
    """A name that says there are a billion residual blocks."""
    state = weights()
    state['stage4.0.branches.3.1000000000.conv1.weight'] = torch.zeros(1)
    return saved(state)


def changed(**tensors: torch.Tensor) -> bytes:
    names = {'stem': 'conv1.weight', 'norm': 'bn1.bias'}
    return saved(weights() | {names[key]: value for key, value in tensors.items()})


def call(function: Callable, *arguments: object) -> Callable[[Path], bytes]:
    """A file that asks for a call; '{}' in an argument is the path of the witness."""

    def write(witness: Path) -> bytes:
        filled = [a.format(witness) if isinstance(a, str) else a for a in arguments]
        return saved({'state_dict': weights(), 'meta': Calls(function, *filled)})

    return write


def chain(witness: Path) -> bytes:
    globals_of = Calls(getattr, Calls(getattr, HistoryBuffer, 'mean'), '__globals__')
    return saved({'state_dict': weights(), 'meta': globals_of})


HOSTILE: dict[str, Callable[[Path], bytes]] = {
    'os.system': call(os.system, 'touch {}'),
    'eval': call(eval, 'open("{}", "w")'),
    'builtins.exec': call(exec, 'open("{}", "w")'),
    'open': call(open, '{}', 'w'),
    'getattr': call(getattr, torch.Tensor, '__class__'),
    'a chain of getattr': chain,
    'a plain pickle': lambda w: pickle.dumps(Calls(os.system, f'touch {w}')),
}
DAMAGED: dict[str, Callable[[Path], bytes]] = {
    **{
        f'cut at {share:.1%} ({kind})': lambda _, s=share, z=zipped: cut(s, z)
        for share in (0, 0.001, 0.1, 0.5, 0.999)
        for kind, zipped in (('zip', True), ('pickle', False))
    },
    **{f'a bit at {a:.0%}': lambda _, a=a: flipped(a) for a in (0, 0.01, 0.5, 0.9)},
    'cut safetensors': lambda _: as_safetensors(weights())[:-100],
    'safetensors of no header': lambda _: (
        struct.pack('<Q', 20) + b'{"a": [[[[[[[[[[[[[['
    ),
    'a bomb': lambda _: bomb(),
    'a link': lambda _: with_a_link(),
    'keys of nothing': lambda _: many_keys(),
    'a billion blocks': lambda _: many_blocks(),
    'a whole module': lambda _: saved(official.Pose(width=4, blocks=1)),
    'integers': lambda _: changed(norm=torch.zeros(64, dtype=torch.int64)),
    'complex numbers': lambda _: changed(norm=torch.zeros(64, dtype=torch.complex64)),
    'no number': lambda _: changed(norm=torch.full((64,), float('nan'))),
    'another shape': lambda _: changed(stem=torch.zeros(64, 3, 5, 5)),
    'a stem of one dimension': lambda _: changed(stem=torch.zeros(64)),
    'a web page': lambda _: b'<!DOCTYPE html><html>Sign in</html>',
    'a pointer of LFS': lambda _: b'version https://git-lfs.github.com/spec/v1\noid',
    'a list': lambda _: saved([1, 2, 3]),
    'a number': lambda _: saved(3),
    'an empty dict': lambda _: saved({}),
}


@pytest.mark.parametrize('kind', DAMAGED)
def test_one_message_and_exit_code_2(kind, tmp_path):
    check_refused(DAMAGED[kind], tmp_path)


@pytest.mark.skipif(
    not RESTRICTED, reason='torch < 2.6 runs what a file asks for, and load() warns'
)
@pytest.mark.parametrize('kind', HOSTILE)
def test_nothing_runs(kind, tmp_path):
    check_refused(HOSTILE[kind], tmp_path)


def check_refused(file: Callable[[Path], bytes], tmp_path: Path) -> None:
    witness, path = tmp_path / 'witness', tmp_path / 'x.pth'
    path.write_bytes(file(witness))
    for command in (['inspect', path], ['convert', path, tmp_path / 'y.pth']):
        result = CliRunner().invoke(main, [*map(str, command)])
        assert result.exit_code == 2, result.output
        assert isinstance(result.exception, SystemExit)
        assert result.output.startswith('Error: ')
        assert str(path) in result.output
    assert {entry.name for entry in tmp_path.iterdir()} == {'x.pth'}


@pytest.mark.parametrize('command', ['inspect', 'convert'])
def test_a_file_that_is_whole_passes(command, tmp_path):
    """What is refused above is refused for its damage."""
    path = tmp_path / 'x.pth'
    path.write_bytes(saved(weights()))
    arguments = [path, tmp_path / 'y.pth'][: 1 + (command == 'convert')]
    assert CliRunner().invoke(main, [command, *map(str, arguments)]).exit_code == 0
