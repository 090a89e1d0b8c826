"""Known causes of errors, and the commands that fix them."""

from __future__ import annotations

import os
import re
import sys
import traceback
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from .libraries import LIBRARIES, MMCV, MMENGINE, OPENMIM

Level = Literal['ok', 'note', 'warning', 'broken']


@dataclass(frozen=True)
class Finding:
    """The result of a check: what was seen, why it matters, and a command to fix it."""

    name: str
    level: Level
    seen: str
    why: str = ''
    fix: str = ''


# An installed hrnet_mm.pth imports it when Python starts; then mmcv's operators and
# xtcocotools can be imported.
INSTALLED = 'hrnet_mm_standins' in sys.modules
CLONE = Path(__file__).resolve().parents[2]
IS_CLONE = not INSTALLED and (CLONE / 'pyproject.toml').exists()
PACKAGE = str(CLONE) if IS_CLONE else 'hrnet_mm'

REINSTALL = 'pip install --no-cache-dir --force-reinstall --no-deps'
SELF = f'pip install --no-deps "{PACKAGE}"' if IS_CLONE else f'{REINSTALL} {PACKAGE}'
TORCH = 'pip install --upgrade torch torchvision'
RETORCH = f'{TORCH} --force-reinstall'  # for pip 2.15.0+cpu satisfies 2.15.0
# uv knows the index of each build.
UV = 'pip install uv && uv pip install --python "$(command -v python)"'
RETORCH_BY_UV = (  # reinstalls nothing else, such as numpy
    f'{UV} --reinstall-package torch --reinstall-package torchvision torch torchvision'
)
SETUPTOOLS = 'pip install --upgrade "setuptools<82"'
CLICK = 'pip install "click<8.3"'
# Lists the requirements of mmcv-lite, but for opencv-python, which needs libGL.
MMCV_LITE = (
    'pip install addict packaging pillow pyyaml yapf opencv-python-headless'
    f' && pip install --no-deps mmcv-lite=={MMCV}'
)
OPENCV = f'{REINSTALL} opencv-python-headless'
MIM = (
    f'pip install --no-deps openmim=={OPENMIM} && pip install "click<8.3" colorama '
    'model-index pandas requests rich tabulate "setuptools<82"'
)

# Commands by import name, for packages where `pip install NAME` does not work.
INSTALL = {
    'torch': TORCH,
    'mmengine': f'pip install mmengine=={MMENGINE}',
    'cv2': OPENCV,
    'mim': MIM,
    'click': CLICK,
    'pkg_resources': SETUPTOOLS,
    'pip': 'python -m ensurepip',
    'mmcv._ext': SELF,
    'xtcocotools': SELF,
    'faster_coco_eval': 'pip install faster-coco-eval',
    'yaml': 'pip install pyyaml',
    'PIL': 'pip install pillow',
    'sklearn': 'pip install scikit-learn',
    'skimage': 'pip install scikit-image',
    **{
        scope: f'pip install "{PACKAGE}[{library.folder}]"'
        for scope, library in LIBRARIES.items()
    },
}
# mmpose requires chumpy, which it never imports and which cannot be built.
INSTALL['mmpose'] += f' && pip install --no-deps mmpose=={LIBRARIES["mmpose"].version}'

# hrnet_mm replaces compiled packages that do not work.
INSTALL_FIRST = '' if INSTALLED else f'{SELF} && '
OUR_OPERATORS = f'{INSTALL_FIRST}export HRNET_MM_OPS=torchvision'
OUR_SCORES = f'{INSTALL_FIRST}pip uninstall -y xtcocotools'

# Requirements of mmpose, openmim and mmcv that should not be installed: they cannot be
# built, pin many packages, need libGL, or are replaced by hrnet_mm.
UNWANTED = ('chumpy', 'opendatalab', 'opencv-python', 'xtcocotools')

# (pattern in the error of the child, why, fix); the first match is used.
CAUSES = (
    (
        r'operator torchvision::|different CUDA major|torchvision\S*: undefined symbol'
        r"|Could not run 'torchvision::",
        'torchvision was built for another torch',
        '{torchvision}',
    ),
    (
        r"No module named '(pkg_resources|distutils|setuptools)|pkgutil.*ImpImporter",
        'mim, mmengine and mmcv need the pkg_resources of setuptools < 82',
        SETUPTOOLS,
    ),
    (
        r'Numpy is not available|Failed to initialize NumPy',
        'this torch was compiled for numpy 1',
        'pip install "numpy<2"',
    ),
    (
        r'numpy\.\w+ size changed|_ARRAY_API not found|NumPy 1\.x cannot be run'
        r'|numpy\.core\.multiarray failed to import',
        '{culprit} was compiled for another numpy',
        '{recompiled}',
    ),
    (
        r'lib(GL|gthread|glib|SM|ICE|X\w+)[-.\w]*: cannot open shared object',
        'OpenCV with windows needs system libraries; the headless build does not',
        OPENCV,
    ),
    (r"No module named '(ftfy|regex)'", 'mmseg imports both', 'pip install ftfy regex'),
    (
        r"No module named 'mmcv\._ext'",
        'mmcv-lite has no operators; an installed hrnet_mm adds them',
        SELF,
    ),
    (
        r'MMCV==\S+ is used but incompatible',
        'mmdet and mmseg accept mmcv >= 2.0.0rc4, < 2.2.0',
        '{mmcv}',
    ),
    (
        r'MMEngine==\S+ is used but incompatible',
        'this mmengine does not fit',
        INSTALL['mmengine'],
    ),
    (
        r'no kernel image is available|not compiled with CUDA',
        'this torch has no kernels for this GPU',
        RETORCH,
    ),
    (
        r'undefined symbol|cannot open shared object|DLL load failed|killed by SIG',
        '{culprit} does not fit the libraries it was compiled for',
        '{recompiled}',
    ),
)
UNKNOWN = 'unknown cause; the command shows the whole error'


def explain(error: str, modules: tuple[str, ...]) -> tuple[str, str]:
    """Return the cause of an error and a command that fixes it.

    Args:
        error: The whole traceback.
        modules: The modules whose import failed.
    """
    culprit = _find_culprit(error) or modules[0].split('.')[0]
    known = ((why, fix) for pattern, why, fix in CAUSES if re.search(pattern, error))
    unknown = (UNKNOWN, f'python -c "import {", ".join(modules)}"')
    why, fix = next(known, None) or _explain_missing(error, modules[0]) or unknown
    return why.format(culprit=culprit), fix.format(
        torchvision=torchvision_command(),
        mmcv=install_command('mmcv'),
        recompiled=OUR_OPERATORS if culprit == 'mmcv' else _reinstall_command(culprit),
    )


def _explain_missing(error: str, package: str) -> tuple[str, str] | None:
    found = re.findall(r"No module named '([\w.]+)'", error)
    if not found:
        return None
    name = found[-1]
    lacked = name.split('.')[0]
    why = f'{name} is missing'
    if '.' in name:  # a part of an installed package is missing
        return why, _reinstall_command(lacked)
    if lacked in INSTALL or lacked in ('mmcv', 'torchvision'):
        return why, install_command(lacked)
    packages = dict.fromkeys([lacked, *_unmet_requirements(package)])
    return why, f'pip install {" ".join(packages)}'


def _unmet_requirements(package: str) -> list[str]:
    # all at once, instead of one per run of the doctor
    required = [r for d in distributions(package) for r in metadata.requires(d) or ()]
    names = [re.match(r'[\w.-]+', r) for r in required if ';' not in r]
    return [
        n[0]
        for n in names
        if n and n[0] not in UNWANTED and not installed_version(n[0])
    ]


def _find_culprit(error: str) -> str:
    # the installed package whose code ran last
    frames = re.findall(r'File ".*?site-packages[/\\](\w+)', error)
    if 'Fatal Python error' in error:  # faulthandler lists the last frame first
        frames.reverse()
    return next((frame for frame in reversed(frames) if frame != 'numpy'), '')


def install_command(package: str) -> str:
    """Return the command for a package that is missing or has an unsuitable version."""
    if package == 'torchvision':
        return torchvision_command()
    if package == 'mmcv':
        # mmcv, mmcv-full, mmcv-lite and forks install into the same folder
        present = ' '.join(distributions('mmcv'))
        return f'pip uninstall -y {present} && {MMCV_LITE}' if present else MMCV_LITE
    return INSTALL.get(package, f'pip install {package}')


def _reinstall_command(package: str) -> str:
    if package == 'torch':
        return RETORCH
    if package == 'mmcv':
        return install_command(package)
    if package == 'xtcocotools':
        return OUR_SCORES
    dists = distributions(package) or [package]
    return f'{REINSTALL} {" ".join(dists)}'


def torchvision_command() -> str:
    """Return the command for a torchvision that fits the installed torch."""
    release, _, build = installed_version('torch').partition('+')
    if not release:
        return TORCH
    pair = f'torch=={release} torchvision'
    if re.fullmatch(r'cpu|cu\d+|rocm[\d.]+', build):
        return f'{UV} --reinstall-package torchvision --torch-backend={build} {pair}'
    return f'pip uninstall -y torchvision && pip install --no-cache-dir {pair}'


def installed_version(dist: str) -> str:
    """Return the version of a distribution; '' if it is not installed."""
    try:
        return metadata.version(dist)
    except metadata.PackageNotFoundError:
        return ''


def parse_version(version: str) -> tuple[int, ...]:
    """Convert `2.11.0+cu130` to (2, 11, 0)."""
    release = re.match(r'[\d.]*\d', version)
    return tuple(int(n) for n in release[0].split('.')) if release else ()


def last_line(error: BaseException) -> str:
    """Format an error on one line: `ValueError: ... (file.py:12)`."""
    lines = str(error).strip().splitlines() or ['']
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f'{os.path.basename(frame.filename)}:{frame.lineno}'
    return f'{type(error).__name__}: {lines[0].strip()[:200]} ({where})'


def distributions(package: str) -> list[str]:
    """Return the distributions that provide an import name; forks have other names."""
    return sorted(set(metadata.packages_distributions().get(package, [])))
