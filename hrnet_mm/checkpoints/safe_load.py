"""Loading of checkpoint files without running code from them.

A ``.pth`` file is a pickle, and a pickle may call any function. ``torch.load`` with
``weights_only=True`` refuses all functions but an allow-list. The one here adds only
what mmengine itself writes: histories of the losses, with numpy arrays.
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

# Before 2.6, the allow-list cannot hold aliases, and weights_only itself can be tricked
# into running code (CVE-2025-32434).
RESTRICTED = digit_version(torch.__version__) >= digit_version('2.6.0')

# Exceptions of torch, zipfile and safetensors for damaged files.
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
# Messages of RuntimeErrors that are caused by the file.
DAMAGED = re.compile(
    'PytorchStreamReader|EOF|corrupt|byte size|not resizable|record size|archive|'
    'compression|encrypted'
)


class CheckpointError(ValueError):
    """A file that is no checkpoint, is damaged, does not fit, or asks to run code."""


def load(path: str | os.PathLike[str], map_location: Any = 'cpu') -> Any:
    """Load a checkpoint file without calling anything beyond the allow-list.

    Args:
        path: A pickle or safetensors file.
        map_location: As in ``torch.load``.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if it is damaged, not a checkpoint, or asks to run code.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise CheckpointError(f'{path} is a folder: give a file in it')
    if not path.is_file():
        raise FileNotFoundError(f'no checkpoint at {path} (in {Path.cwd()})')
    with _explain_errors(str(path)):
        if _is_safetensors(path):
            return safetensors.torch.load_file(path, device=str(map_location or 'cpu'))
        _check_archive(path)
        return torch.load(path, map_location=map_location, **_safe_load_arguments())


def _is_safetensors(path: Path) -> bool:
    # such a file begins with the length of its JSON header
    with path.open('rb') as file:
        length = int.from_bytes(file.read(8), 'little')
        return file.read(1) == b'{' and length < path.stat().st_size


def _check_archive(path: Path) -> None:
    # torch writes zip files since 1.6, never compressed, and does not verify checksums;
    # a compressed file of a few megabytes could fill any memory
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
        if size > path.stat().st_size:
            raise CheckpointError(
                f'{path} is refused: its {path.stat().st_size} bytes unpack to {size}, '
                'but checkpoints are not compressed. Do not trust this file.'
            )
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(f'checksum of {damaged}')


def _safe_load_arguments() -> dict[str, Any]:
    if RESTRICTED:
        return {'weights_only': True}
    warnings.warn(
        f'torch {torch.__version__} unpickles checkpoints without restriction: a file '
        'can run any code. Load only files you trust, or use torch >= 2.6.',
        stacklevel=3,
    )
    return {}


@contextmanager
def _explain_errors(source: str) -> Iterator[None]:
    try:
        yield
    except CheckpointError:
        raise
    except DAMAGE as error:
        if not _is_caused_by_file(error):
            raise
        asked = re.search(r'(?:GLOBAL |global |refused )(\S+)', str(error))
        if asked:
            raise CheckpointError(
                f'{source} is refused: it asks to run `{asked[1]}`, which no weights '
                'need. Nothing was run. Do not trust this file; if you wrote it '
                'yourself, save only its tensors (`state_dict`).'
            ) from None
        raise CheckpointError(
            f'{source} cannot be read as a checkpoint{_describe_file(source)}: it is '
            'damaged, incomplete, or another kind of file. Copy or download it again, '
            'or use an earlier checkpoint of the same folder.'
        ) from error


def _is_caused_by_file(error: Exception) -> bool:
    # the cause is the file, not the device, the network or a permission
    if isinstance(error, OSError):
        return error.errno == errno.EINVAL  # a seek beyond the end of a truncated zip
    if isinstance(error, AssertionError):  # of torch 2.1, if it lacks a device
        return 'device module' not in str(error)
    if isinstance(error, RuntimeError):
        return DAMAGED.search(str(error)) is not None
    return True


def _describe_file(source: str) -> str:
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


def _getattr_of_history(owner: Any, name: str) -> Any:
    # The only `getattr` that a checkpoint may ask for: mmengine pickles the statistics
    # of its histories as `getattr(HistoryBuffer, 'mean')`. Statistics that the running
    # program has registered itself are as safe as those of mmengine.
    if owner is HistoryBuffer and name in HistoryBuffer._statistics_methods:
        return getattr(owner, name)
    named = getattr(owner, '__qualname__', type(owner).__qualname__)
    raise pickle.UnpicklingError(f'refused {named}.{name}')


def _empty_bytes() -> bytes:
    # pickle writes empty arrays so; the sigmas of datasets of faces are one
    return b''


def allow_mmengine_checkpoints() -> None:
    """Add the types in mmengine's checkpoints to the allow-list of torch."""
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
            (_getattr_of_history, 'builtins.getattr'),
            (_empty_bytes, 'builtins.bytes'),
        ]
    )
