"""The build backend: setuptools, with ``hrnet_mm.pth`` added to each wheel.

setuptools cannot add a ``.pth`` file, which editable installs need, too.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (  # noqa: F401
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

NAME, CONTENT = 'hrnet_mm.pth', b'import hrnet_mm_standins\n'


def build_wheel(wheel_directory: str, *settings: Any) -> str:
    """Build a wheel (PEP 517)."""
    return _add_pth(wheel_directory, build_meta.build_wheel(wheel_directory, *settings))


def build_editable(wheel_directory: str, *settings: Any) -> str:
    """Build an editable wheel (PEP 660)."""
    name = build_meta.build_editable(wheel_directory, *settings)
    return _add_pth(wheel_directory, name)


def _add_pth(folder: str, name: str) -> str:
    path = Path(folder) / name
    with zipfile.ZipFile(path) as wheel:
        files = {info: wheel.read(info) for info in wheel.infolist()}
    digest = base64.urlsafe_b64encode(hashlib.sha256(CONTENT).digest())
    record = f'{NAME},sha256={digest.decode().rstrip("=")},{len(CONTENT)}\n'.encode()
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(NAME, CONTENT)
        for info, content in files.items():
            is_record = info.filename.endswith('.dist-info/RECORD')
            wheel.writestr(info, content + record if is_record else content)
    return name
