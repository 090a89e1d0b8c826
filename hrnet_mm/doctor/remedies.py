"""Findings, and the command that mends each known cause."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

Level = Literal['ok', 'note', 'warning', 'broken']


@dataclass(frozen=True)
class Finding:
    """One piece of the environment: what was seen, why it matters, what mends it."""

    name: str
    level: Level
    seen: str
    why: str = ''
    fix: str = ''


REBUILD = '--no-build-isolation --no-cache-dir --force-reinstall --no-deps'
REINSTALL = 'pip install --no-cache-dir --force-reinstall --no-deps'
TORCH = 'pip install torch==2.11.0 torchvision==0.26.0'
RETORCH = f'{TORCH} --force-reinstall'  # pip takes 2.11.0+cpu for 2.11.0
# uv knows where the wheels of each build are.
UV = 'pip install uv && uv pip install --python "$(command -v python)"'
RETORCH_BY_UV = (  # and nothing else, numpy for one
    f'{UV} --reinstall-package torch --reinstall-package torchvision'
    ' torch==2.11.0 torchvision==0.26.0'
)
SETUPTOOLS = 'pip install --upgrade "setuptools<82"'
CLICK = 'pip install "click<8.3.1"'
# mmcv's requirements are spelled out: it asks for opencv-python, which needs libGL.
MMCV = (
    'pip install "setuptools<82" wheel ninja psutil addict packaging pillow pyyaml yapf'
    f' && MMCV_WITH_OPS=1 pip install {REBUILD} --no-binary mmcv mmcv==2.1.0'
)
XTCOCOTOOLS = (
    'pip install "setuptools<82" wheel cython matplotlib '
    f'&& pip install {REBUILD} --no-binary xtcocotools xtcocotools'
)
OPENCV = f'{REINSTALL} opencv-python-headless'
OPENMIM = (
    'pip install --no-deps openmim==0.3.9 && pip install "click<8.3.1" colorama '
    'model-index pandas requests rich tabulate "setuptools<82"'
)
TASKS = {'mmpose': 'pose', 'mmseg': 'seg', 'mmdet': 'det', 'mmpretrain': 'cls'}

# Import name -> command, where `pip install NAME` is not it.
INSTALL = {
    'torch': TORCH,
    'mmengine': 'pip install mmengine==0.10.7',
    'mmcv': MMCV,
    'xtcocotools': XTCOCOTOOLS,
    'cv2': OPENCV,
    'mim': OPENMIM,
    'click': CLICK,
    'pkg_resources': SETUPTOOLS,
    'yaml': 'pip install pyyaml',
    'PIL': 'pip install pillow',
    'sklearn': 'pip install scikit-learn',
    'skimage': 'pip install scikit-image',
    **{lib: f'pip install "hrnet_mm[{task}]"' for lib, task in TASKS.items()},
}
# mmpose lists chumpy, which it never imports and nobody can build.
INSTALL['mmpose'] += ' && pip install --no-deps mmpose==1.3.2'

# Required by mmpose, openmim and mmcv, and better not installed: unbuildable, pinning
# half the ecosystem, linked to libGL.
NEEDLESS = ('chumpy', 'opendatalab', 'opencv-python')

# (pattern in the child's error, why, fix); the first that matches counts.
CAUSES = (
    (
        r'operator torchvision::|different CUDA major|torchvision\S*: undefined symbol',
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
        '{reinstall}',
    ),
    (
        r'lib(GL|gthread|glib|SM|ICE|X\w+)[-.\w]*: cannot open shared object',
        'OpenCV with windows needs system libraries; the headless build does not',
        OPENCV,
    ),
    (r"No module named '(ftfy|regex)'", 'mmseg imports both', 'pip install ftfy regex'),
    (r"No module named 'mmcv\._ext'", 'mmcv has no compiled operators', '{mmcv}'),
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
        '{reinstall}',
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
        reinstall=reinstall(culprit),
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
    if lacked in INSTALL or lacked == 'torchvision':
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
    """The command for a package that is absent."""
    if package == 'torchvision':
        return pair_with_torch()
    if package == 'mmcv' and version_of('mmcv-lite'):
        return f'pip uninstall -y mmcv-lite && {MMCV}'
    return INSTALL.get(package, f'pip install {package}')


def reinstall(package: str) -> str:
    """The command for a package that is there and broken."""
    if package == 'torch':
        return RETORCH
    command = INSTALL.get(package, '')
    if '--force-reinstall' in command:
        return command
    dists = distributions(package) or [package]
    return f'{REINSTALL} {" ".join(dists)}'


def pair_with_torch() -> str:
    """The command for the torchvision that belongs to the installed torch."""
    release, _, build = version_of('torch').partition('+')
    two = re.match(r'2\.(\d+)', release)
    if not two:
        return TORCH
    vision = f'"torchvision==0.{int(two[1]) + 15}.*"'
    if re.fullmatch(r'cpu|cu\d+|rocm[\d.]+', build):
        return f'{UV} --reinstall --no-deps --torch-backend={build} {vision}'
    return f'{REINSTALL} {vision}'


def version_of(dist: str) -> str:
    """The version a distribution declares, '' if it is not installed."""
    try:
        return metadata.version(dist)
    except metadata.PackageNotFoundError:
        return ''


def distributions(package: str) -> list[str]:
    """The distributions that installed an import name; forks have other names."""
    return sorted(set(metadata.packages_distributions().get(package, [])))
