"""Reads checkpoints without running code from them.

A ``.pth`` file is a pickle, and a pickle may call any function. ``torch.load`` with
``weights_only=True`` refuses all but an allow-list; the one here is just wide enough
for what mmengine itself writes: histories of the losses, with numpy arrays.
"""

from __future__ import annotations

import errno
import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.utils import digit_version

# Before 2.6 the allow-list cannot hold aliases, and weights_only itself could be
# tricked into running code (CVE-2025-32434).
RESTRICTED = digit_version(torch.__version__) >= digit_version('2.6.0')

# What torch, zipfile and safetensors raise on a few wrong bytes.
DAMAGE = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    safetensors.SafetensorError,
    zipfile.BadZipFile,
)
# The messages of RuntimeErrors that are the file's fault.
DAMAGED = re.compile(
    'PytorchStreamReader|EOF|corrupt|byte size|not resizable|record size|archive|'
    'compression|encrypted'
)


class CheckpointError(ValueError):
    """A file that is no checkpoint, is damaged, or asks for more than data."""


def load(path: str | os.PathLike[str], map_location: Any = 'cpu') -> Any:
    """Read a checkpoint file; nothing beyond the allow-list is ever called.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if it is truncated, no checkpoint, or asks to run code.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise CheckpointError(f'{path} is a folder: name a file in it')
    if not path.is_file():
        raise FileNotFoundError(f'no checkpoint at {path} (in {Path.cwd()})')
    with explained(str(path)):
        if is_safetensors(path):
            return safetensors.torch.load_file(path, device=str(map_location or 'cpu'))
        check_archive(path)
        return torch.load(path, map_location=map_location, **restriction())


def is_safetensors(path: Path) -> bool:
    """Whether a file begins with the length of a header, and that header."""
    with path.open('rb') as file:
        length = int.from_bytes(file.read(8), 'little')
        return file.read(1) == b'{' and length < path.stat().st_size


def check_archive(path: Path) -> None:
    """Look at a zip file, which torch writes since 1.6, before torch does.

    It must not grow when read, because torch does not compress: a few megabytes of
    zeros, compressed, fill any memory. And its checksums must be right, which torch
    does not look at.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
        if size > path.stat().st_size:
            raise CheckpointError(
                f'{path} is refused: its {path.stat().st_size} bytes unpack to {size}, '
                'and checkpoints are not compressed. Do not trust this file.'
            )
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(f'checksum of {damaged}')


def restriction() -> dict[str, Any]:
    """The arguments that make ``torch.load`` safe, where this torch can be."""
    if RESTRICTED:
        return {'weights_only': True}
    warnings.warn(
        f'torch {torch.__version__} unpickles checkpoints without restriction: a file '
        'can run any code. Load only files you trust, or use torch >= 2.6.',
        stacklevel=3,
    )
    return {}


@contextmanager
def explained(source: str) -> Iterator[None]:
    """Turn the many ways in which ``torch.load`` fails into one clear message."""
    try:
        yield
    except CheckpointError:
        raise
    except DAMAGE as error:
        if not looks_damaged(error):
            raise
        asked = re.search(r'(?:GLOBAL |global |refused )(\S+)', str(error))
        if asked:
            raise CheckpointError(
                f'{source} is refused: it asks to run `{asked[1]}`, which no weights '
                'need. Nothing of it was run. Do not trust this file; if you wrote it '
                'yourself, save its tensors alone (`state_dict`).'
            ) from None
        raise CheckpointError(
            f'{source} cannot be read as a checkpoint{describe(source)}: it is '
            'damaged, incomplete, or another kind of file. Copy or download it again, '
            'or go on from an earlier checkpoint of the same folder.'
        ) from error


def looks_damaged(error: Exception) -> bool:
    """Whether the file is at fault, not the device, the network or a permission."""
    if isinstance(error, OSError):
        return error.errno == errno.EINVAL  # a seek beyond the end of a truncated zip
    if isinstance(error, AssertionError):  # torch 2.1, of a device that it has not
        return 'device module' not in str(error)
    if isinstance(error, RuntimeError):
        return DAMAGED.search(str(error)) is not None
    return True


def describe(source: str) -> str:
    """Size and first bytes of a local file, which often tell what it is."""
    path = Path(source)
    if not path.is_file():
        return ''
    with path.open('rb') as file:
        head = file.read(16)
    if not head:
        return ': it is empty (0 bytes)'
    if head.lstrip().lower().startswith((b'<!doctype', b'<html')):
        return ': it is a web page, not the file that it links to'
    if head.startswith(b'version https://'):
        return ': it is a pointer of Git LFS; `git lfs pull` gets the file itself'
    return f' ({path.stat().st_size} bytes, starting with {head!r})'


def history_getattr(owner: Any, name: str) -> Any:
    """The only ``getattr`` a checkpoint may ask for.

    mmengine pickles the statistics of its histories as bound functions, which pickle
    writes as ``getattr(HistoryBuffer, 'mean')``. Statistics that the running program
    has registered itself are as good as mmengine's own.
    """
    if owner is HistoryBuffer and name in HistoryBuffer._statistics_methods:
        return getattr(owner, name)
    named = getattr(owner, '__qualname__', type(owner).__qualname__)
    raise pickle.UnpicklingError(f'refused {named}.{name}')


def no_bytes() -> bytes:
    """As pickle writes them; the sigmas of data sets of faces are an empty array."""
    return b''


def allow_mmengine_checkpoints() -> None:
    """Put what mmengine's own checkpoints contain on torch's allow-list."""
    if not RESTRICTED:
        return
    HistoryBuffer()  # registers its four statistics with the class
    multiarray = getattr(np, '_core', None) or np.core
    functions = (multiarray.multiarray._reconstruct, multiarray.multiarray.scalar)
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            np.ndarray,
            np.dtype,
            *{type(np.dtype(code)) for code in np.typecodes['All']},
            # numpy 1 and numpy 2 write the same functions under two names
            *(
                (function, f'{module}.multiarray.{function.__name__}')
                for module in ('numpy.core', 'numpy._core')
                for function in functions
            ),
            (history_getattr, 'builtins.getattr'),
            (no_bytes, 'builtins.bytes'),
        ]
    )
