"""Findings, and the command that mends each known cause."""

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
    """One piece of the environment: what was seen, why it matters, what mends it."""

    name: str
    level: Level
    seen: str
    why: str = ''
    fix: str = ''


# hrnet_mm.pth, which an installation brings, imports it when Python starts: mmcv's
# operators and xtcocotools are found from then on.
INSTALLED = 'hrnet_mm_standins' in sys.modules
CLONE = Path(__file__).resolve().parents[2]
IS_CLONE = not INSTALLED and (CLONE / 'pyproject.toml').exists()
PACKAGE = str(CLONE) if IS_CLONE else 'hrnet_mm'

REINSTALL = 'pip install --no-cache-dir --force-reinstall --no-deps'
SELF = f'pip install --no-deps "{PACKAGE}"' if IS_CLONE else f'{REINSTALL} {PACKAGE}'
TORCH = 'pip install --upgrade torch torchvision'
RETORCH = f'{TORCH} --force-reinstall'  # pip takes 2.15.0+cpu for 2.15.0
# uv knows where the wheels of each build are.
UV = 'pip install uv && uv pip install --python "$(command -v python)"'
RETORCH_BY_UV = (  # and nothing else, numpy for one
    f'{UV} --reinstall-package torch --reinstall-package torchvision torch torchvision'
)
SETUPTOOLS = 'pip install --upgrade "setuptools<82"'
CLICK = 'pip install "click<8.3"'
# mmcv-lite's requirements are spelled out: it lists opencv-python, which needs libGL.
MMCV_LITE = (
    'pip install addict packaging pillow pyyaml yapf opencv-python-headless'
    f' && pip install --no-deps mmcv-lite=={MMCV}'
)
OPENCV = f'{REINSTALL} opencv-python-headless'
MIM = (
    f'pip install --no-deps openmim=={OPENMIM} && pip install "click<8.3" colorama '
    'model-index pandas requests rich tabulate "setuptools<82"'
)

# Import name -> command, where `pip install NAME` is not it.
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
# mmpose lists chumpy, which it never imports and nobody can build.
INSTALL['mmpose'] += f' && pip install --no-deps mmpose=={LIBRARIES["mmpose"].version}'

# hrnet_mm takes the place of what is compiled and does not work.
FIRST = '' if INSTALLED else f'{SELF} && '
OUR_OPERATORS = f'{FIRST}export HRNET_MM_OPS=torchvision'
OUR_SCORES = f'{FIRST}pip uninstall -y xtcocotools'

# Required by mmpose, openmim and mmcv, and better not installed: unbuildable, pinning
# half the ecosystem, linked to libGL, replaced by hrnet_mm.
NEEDLESS = ('chumpy', 'opendatalab', 'opencv-python', 'xtcocotools')

# (pattern in the child's error, why, fix); the first that matches counts.
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
UNKNOWN = 'a cause unknown to the doctor; this shows the whole error'


def explain(error: str, modules: tuple[str, ...]) -> tuple[str, str]:
    """Why importing `modules` ended in `error` (a whole traceback), and the command."""
    culprit = culprit_of(error) or modules[0].split('.')[0]
    known = ((why, fix) for pattern, why, fix in CAUSES if re.search(pattern, error))
    unknown = (UNKNOWN, f'python -c "import {", ".join(modules)}"')
    why, fix = next(known, None) or missing(error, modules[0]) or unknown
    return why.format(culprit=culprit), fix.format(
        torchvision=pair_with_torch(),
        mmcv=install('mmcv'),
        recompiled=OUR_OPERATORS if culprit == 'mmcv' else reinstall(culprit),
    )


def missing(error: str, package: str) -> tuple[str, str] | None:
    """The same for a module that is not there."""
    found = re.findall(r"No module named '([\w.]+)'", error)
    if not found:
        return None
    name = found[-1]
    lacked = name.split('.')[0]
    why = f'{name} is missing'
    if '.' in name:  # a missing part of an installed package is a half-copied package
        return why, reinstall(lacked)
    if lacked in INSTALL or lacked in ('mmcv', 'torchvision'):
        return why, install(lacked)
    return why, f'pip install {" ".join(dict.fromkeys([lacked, *unmet(package)]))}'


def unmet(package: str) -> list[str]:
    """What a package requires and is not there: all at once, not one per run."""
    required = [r for d in distributions(package) for r in metadata.requires(d) or ()]
    names = [re.match(r'[\w.-]+', r) for r in required if ';' not in r]
    return [n[0] for n in names if n and n[0] not in NEEDLESS and not version_of(n[0])]


def culprit_of(error: str) -> str:
    """The installed package whose code ran last."""
    frames = re.findall(r'File ".*?site-packages[/\\](\w+)', error)
    if 'Fatal Python error' in error:  # faulthandler lists the last frame first
        frames.reverse()
    return next((frame for frame in reversed(frames) if frame != 'numpy'), '')


def install(package: str) -> str:
    """The command for a package that is absent, or there in a version to warn of."""
    if package == 'torchvision':
        return pair_with_torch()
    if package == 'mmcv':
        # mmcv, mmcv-full, mmcv-lite and forks share a folder
        present = ' '.join(distributions('mmcv'))
        return f'pip uninstall -y {present} && {MMCV_LITE}' if present else MMCV_LITE
    return INSTALL.get(package, f'pip install {package}')


def reinstall(package: str) -> str:
    """The command for a package that is there and broken."""
    if package == 'torch':
        return RETORCH
    if package == 'mmcv':
        return install(package)
    if package == 'xtcocotools':
        return OUR_SCORES
    dists = distributions(package) or [package]
    return f'{REINSTALL} {" ".join(dists)}'


def pair_with_torch() -> str:
    """The command for a torchvision that fits the installed torch, which stays."""
    release, _, build = version_of('torch').partition('+')
    if not release:
        return TORCH
    pair = f'torch=={release} torchvision'
    if re.fullmatch(r'cpu|cu\d+|rocm[\d.]+', build):
        return f'{UV} --reinstall-package torchvision --torch-backend={build} {pair}'
    return f'pip uninstall -y torchvision && pip install --no-cache-dir {pair}'


def version_of(dist: str) -> str:
    """The version a distribution declares, '' if it is not installed."""
    try:
        return metadata.version(dist)
    except metadata.PackageNotFoundError:
        return ''


def numbers(version: str) -> tuple[int, ...]:
    """`2.11.0+cu130` -> (2, 11, 0)."""
    release = re.match(r'[\d.]*\d', version)
    return tuple(int(n) for n in release[0].split('.')) if release else ()


def last_line(error: BaseException) -> str:
    """`ValueError: ... (file.py:12)`, on one line."""
    lines = str(error).strip().splitlines() or ['']
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f'{os.path.basename(frame.filename)}:{frame.lineno}'
    return f'{type(error).__name__}: {lines[0].strip()[:200]} ({where})'


def distributions(package: str) -> list[str]:
    """The distributions that installed an import name; forks have other names."""
    return sorted(set(metadata.packages_distributions().get(package, [])))
