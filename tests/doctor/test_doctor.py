"""The doctor in made-up broken environments, each broken by a real mechanism.

The children import from a folder put first on PYTHONPATH; what lies there shadows or
breaks what is installed, exactly as a bad installation does.
"""

import importlib.util
import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from hrnet_mm import doctor
from hrnet_mm.doctor import Finding, diagnose, exit_code, report

FORCE = 'pip install --no-cache-dir --force-reinstall --no-deps'
ABI = (
    'numpy.dtype size changed, may indicate binary incompatibility. '
    'Expected 96 from C header, got 88 from PyObject'
)
LIBRARIES = ('mmpose', 'mmseg', 'mmdet', 'mmpretrain')
PARTS = ('datasets', 'engine', 'evaluation', 'models', 'visualization')


BLOCK = """
import sys
class Block:
    def find_spec(name, *args):
        if name.split('.')[0] in {names}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
sys.meta_path.insert(0, Block)
"""


WITHOUT_PTH = """
import sys
sys.modules.pop('hrnet_mm_standins', None)
sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != 'StandInFinder']
"""


class Site:
    """A folder of packages that the children see before all others."""

    def __init__(self, folder: Path):
        self.folder = folder

    def write(self, path, text=''):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if file.parent != self.folder and not (file.parent / '__init__.py').exists():
            (file.parent / '__init__.py').touch()
        return file

    def dist(self, name, version, package='', needs=()):
        info = self.folder / f'{name.replace("-", "_")}-{version}.dist-info'
        info.mkdir(parents=True)
        needs = ''.join(f'Requires-Dist: {need}\n' for need in needs)
        (info / 'METADATA').write_text(
            f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}'
        )
        (info / 'top_level.txt').write_text(f'{package or name}\n')

    def without_pth(self):
        """As with a clone on the path: hrnet_mm is not installed."""
        self.write('sitecustomize.py', WITHOUT_PTH)

    def block(self, *names):
        self.write('sitecustomize.py', BLOCK.format(names=names))

    def library(self, name, text=''):
        self.write(f'{name}/__init__.py', text)
        for part in PARTS:
            self.write(f'{name}/{part}.py')


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / 'site-packages'
    folder.mkdir()
    monkeypatch.setenv('PYTHONPATH', str(folder))
    # Importing the real hrnet_mm, and with it torch, is not what is tested here.
    (folder / 'hrnet_mm.py').write_text('raise ImportError("not needed")\n')
    return Site(folder)


def examine(*names, **options):
    return {finding.name: finding for finding in diagnose(names, **options)}


def look(name, **options):
    return examine(name, **options)[name]


def test_torchvision_of_another_build(site):
    site.dist('torch', '2.11.0+cpu')
    site.write(
        'torchvision/__init__.py',
        "raise RuntimeError('operator torchvision::nms does not exist')",
    )
    found = look('torchvision')
    assert found.level == 'broken'
    assert 'operator torchvision::nms does not exist' in found.seen
    assert found.fix == (
        'pip install uv && uv pip install --python "$(command -v python)" '
        '--reinstall-package torchvision --torch-backend=cpu torch==2.11.0 torchvision'
    )


@pytest.mark.parametrize(
    ('torch', 'needs', 'level'),
    [
        ('2.10.0', 'torch (==2.10.0)', 'ok'),
        ('2.1.2+cu121', 'torch==2.1.2', 'ok'),
        ('2.10.0', 'torch==2.11.0', 'warning'),
        ('2.15.0', 'torch>=2.14.0', 'ok'),
        ('2.13.0', 'torch (>=2.14.0)', 'warning'),
        ('3.0.0', 'torch<3,>=2.14', 'warning'),
        ('2.3.0a0+git1', 'torch', 'ok'),
        ('2.13.0', 'torchmetrics>3; extra == "x"', 'ok'),
    ],
)
def test_torchvision_says_which_torch_it_needs(site, torch, needs, level):
    site.dist('torch', torch)
    site.dist('torchvision', '0.26.0', needs=['numpy', needs])
    site.write('torchvision/__init__.py', "__version__ = '0.26.0'")
    found = look('torchvision')
    assert (found.level, found.seen) == (level, '0.26.0')
    if level == 'warning':
        assert f'torch {torch}' in found.why
        assert found.fix == (
            'pip uninstall -y torchvision && '
            f'pip install --no-cache-dir torch=={torch} torchvision'
        )


@pytest.mark.parametrize(
    ('version', 'level'),
    [('2.0.1', 'broken'), ('2.5.1+cu124', 'warning'), ('2.15.0', 'ok')],
)
def test_torch_versions(site, version, level):
    site.write('numpy/__init__.py')
    site.write('torch/__init__.py', TORCH.format(version=version, ones='1'))
    found = look('torch')
    assert (found.level, found.seen) == (level, version)
    if level != 'ok':
        assert found.fix == 'pip install --upgrade torch torchvision'
    if level == 'broken':
        assert found.why == 'hrnet_mm needs torch >= 2.1'


TORCH = """
__version__ = {version!r}
class ones:
    def __init__(self, *shape, device='cpu'): {ones}
    def numpy(self): pass
    def add_(self, one): return self
    def item(self): pass
class cuda:
    is_available = lambda: False
    get_device_name = lambda: 'GeForce'
class version:
    cuda = '13.0'
"""


def test_torch_compiled_for_numpy_1(site):
    site.write('numpy/__init__.py')
    fails = "raise RuntimeError('Numpy is not available')"
    site.write('torch/__init__.py', TORCH.format(version='2.2.0', ones=fails))
    found = look('torch')
    assert found.level == 'broken'
    assert found.fix == 'pip install "numpy<2"'


def test_the_culprit_is_named_not_its_user(site):
    site.library('mmpose', 'import munkrs')
    site.dist('munkrs-wheels', '1.0', 'munkrs')
    site.write('munkrs/__init__.py', f'raise ValueError({ABI!r})')
    found = look('mmpose')
    assert found.level == 'broken'
    assert found.why.startswith('munkrs was compiled for another numpy')
    assert found.fix == f'{FORCE} munkrs-wheels'


def test_setuptools_82(site):
    site.dist('setuptools', '82.0.0')
    site.block('pkg_resources')
    found = look('setuptools')
    assert found.level == 'broken'
    assert found.seen == 'setuptools 82.0.0 has no pkg_resources'
    assert found.fix == 'pip install --upgrade "setuptools<82"'


def test_setuptools_too_old_for_python_312(site):
    site.write(
        'pkg_resources/__init__.py',
        'import pkgutil\nvars(pkgutil).pop("ImpImporter", None)\npkgutil.ImpImporter\n',
    )
    found = look('setuptools')
    assert found.level == 'broken'
    assert found.fix == 'pip install --upgrade "setuptools<82"'


@pytest.mark.parametrize(
    ('version', 'level'), [('8.2.1', 'ok'), ('8.3.0', 'warning'), ('8.4.0', 'warning')]
)
def test_click_that_breaks_mim(site, version, level):
    site.write('click/__init__.py')
    site.dist('click', version)
    found = look('click')
    assert (found.level, found.seen) == (level, version)
    assert found.fix == ('pip install "click<8.3"' if level == 'warning' else '')


def test_opencv_without_libgl(site):
    message = 'libGL.so.1: cannot open shared object file: No such file or directory'
    site.write('cv2/__init__.py', f'raise ImportError({message!r})')
    found = look('OpenCV')
    assert found.level == 'broken'
    assert found.fix == f'{FORCE} opencv-python-headless'


def test_both_opencv_builds_are_fine(site):
    site.write('cv2/__init__.py', "__version__ = '5.0.0'")
    site.dist('opencv-python', '5.0.0', 'cv2')
    site.dist('opencv-python-headless', '5.0.0', 'cv2')
    found = look('OpenCV')
    assert found.level == 'ok'
    assert 'opencv-python, opencv-python-headless' in found.seen


MMCV = (
    'pip install addict packaging pillow pyyaml yapf opencv-python-headless'
    ' && pip install --no-deps mmcv-lite==2.1.0'
)


def test_mmcv_is_missing(site):
    site.write('sitecustomize.py', ONLY.format(dist='') + BLOCK.format(names=['mmcv']))
    found = examine('mmcv', 'mmcv operators')
    assert found['mmcv'].level == 'broken'
    assert found['mmcv'].fix == found['mmcv operators'].fix == MMCV


@pytest.mark.parametrize(
    ('dist', 'level'), [('openmim', 'warning'), ('onedl-mim', 'ok')]
)
def test_openmim_beside_forks(site, dist, level):
    site.write('mim/cli.py')
    site.write('sitecustomize.py', ONLY_MIM.format(dist=dist))
    site.dist(dist, '0.5.1', 'mim')
    site.dist('onedl-mmdetection', '3.5.1', 'mmdet')
    found = look('openmim')
    assert found.level == level
    if level == 'warning':
        assert 'onedl-mmdetection' in found.why
        assert found.fix.endswith('pip install --no-deps onedl-mim')


@pytest.mark.parametrize(
    ('dist', 'version', 'level'),
    [
        ('mmcv', '1.7.2', 'broken'),
        ('mmcv', '2.0.0rc4', 'ok'),
        ('mmcv', '2.1.0', 'ok'),
        ('mmcv-lite', '2.1.0', 'ok'),
        ('mmcv-lite', '2.2.0', 'warning'),
        ('mmcv', '2.2.0', 'warning'),
        ('onedl-mmcv', '2.3.6', 'ok'),
    ],
)
def test_mmcv_versions(site, dist, version, level):
    for part in ('cnn', 'transforms'):
        site.write(f'mmcv/{part}.py')
    site.write('mmcv/__init__.py', f'__version__ = {version!r}')
    site.write('sitecustomize.py', ONLY.format(dist=dist))
    site.dist(dist, version, 'mmcv')
    found = look('mmcv')
    assert found.level == level
    assert found.seen == (f'{version}; {dist}' if dist != 'mmcv' else version)
    assert found.fix == ('' if level == 'ok' else f'pip uninstall -y {dist} && {MMCV}')


# The tests may run where the real mmcv is installed: hide its metadata.
ONLY = """
from importlib import metadata
real = metadata.version
def version(name):
    if name.startswith('mmcv') and name != {dist!r}:
        raise metadata.PackageNotFoundError(name)
    return real(name)
metadata.version = version
metadata.packages_distributions = lambda: {{'mmcv': [{dist!r}] * bool({dist!r})}}
"""
ONLY_MIM = """
from importlib import metadata
real = metadata.version
def version(name):
    if name == 'openmim' and name != {dist!r}:
        raise metadata.PackageNotFoundError(name)
    return real(name)
metadata.version = version
metadata.packages_distributions = lambda: {{
    'mim': [{dist!r}], 'mmdet': ['onedl-mmdetection']
}}
"""
OPERATORS = """
def get_compiling_cuda_version(): return {cuda!r}
def nms(boxes, scores, threshold): boxes.run('nms')
class RoIAlign:
    def __init__(self, size): pass
    def __call__(self, features, boxes): return features.run('RoIAlign')
def deform_conv2d(image, offset, weight): image.run('deform_conv2d')
"""
FAILS_ON_GPU = """
class Tensor:
    def __init__(self, *shape, device='cpu', requires_grad=False): self.device = device
    def __iter__(self): return iter((self, self))
    def sum(self): return self
    def backward(self): self.run('backward')
    def run(self, name):
        if (name, self.device) == ({operator!r}, 'cuda'):
            raise RuntimeError(name + '_impl: no implementation for cuda')
        return self
ones = zeros = tensor = Tensor
class cuda:
    is_available = lambda: True
    synchronize = lambda: None
"""


@pytest.fixture
def operators(site, monkeypatch):
    """Fake ones, on a fake GPU where one of them fails."""

    def make(cuda='13.0', fails='', ext='', gpu=True):
        site.write('mmcv/__init__.py')
        site.write('mmcv/_ext.py', ext)
        site.write('mmcv/ops.py', OPERATORS.format(cuda=cuda))
        torch = FAILS_ON_GPU.format(operator=fails)
        site.write('torch/__init__.py', torch.replace('True', str(gpu)))

    monkeypatch.delenv('HRNET_MM_OPS', raising=False)
    return make


OURS = 'export HRNET_MM_OPS=torchvision'


@pytest.mark.parametrize(
    ('cuda', 'gpu', 'seen'),
    [
        ('not available', False, 'compiled for CPU'),
        ('12.1', False, 'compiled for CPU, CUDA 12.1'),
        ('12.1', True, 'compiled for CPU, CUDA 12.1, run on the GPU'),
    ],
)
def test_compiled_operators(operators, cuda, gpu, seen):
    operators(cuda, gpu=gpu)
    found = look('mmcv operators')
    assert (found.level, found.seen, found.fix) == ('ok', seen, '')


def test_operators_compiled_for_the_cpu_where_there_is_a_gpu(operators):
    operators('not available', fails='nms')
    found = look('mmcv operators')
    assert (found.level, found.seen) == ('warning', 'compiled for CPU')
    assert found.fix == OURS


@pytest.mark.parametrize(
    ('fails', 'name'),
    [
        ('nms', 'nms'),
        ('RoIAlign', 'roi_align'),
        ('backward', 'roi_align'),
        ('deform_conv2d', 'deform_conv'),
    ],
)
def test_an_operator_that_fails_on_the_gpu_is_named(operators, fails, name):
    operators(fails=fails)
    found = look('mmcv operators')
    assert found.level == 'broken'
    assert f'{name} on cuda: RuntimeError: {fails}_impl: no implem' in found.seen
    assert found.fix == OURS


def test_operators_of_another_torch(operators):
    message = 'mmcv/_ext.so: undefined symbol: _ZN3c106detail14torchInternal'
    operators(ext=f'raise ImportError({message!r})')
    found = look('mmcv operators')
    assert found.level == 'broken'
    assert 'mmcv does not fit the libraries it was compiled for' in found.why
    assert found.fix == OURS


STAND_IN = """
import sys
from types import ModuleType
standins = ModuleType('hrnet_mm_standins')
standins.ROOT = {folder!r}
sys.modules['hrnet_mm_standins'] = standins
"""


def test_operators_of_hrnet_mm_that_fail_on_the_gpu(operators, site):
    operators(fails='nms')  # found where stand-ins are
    site.write('sitecustomize.py', STAND_IN.format(folder=str(site.folder)))
    site.dist('torch', '2.15.0')
    site.dist('torchvision', '0.29.2')
    found = look('mmcv operators')
    assert found.level == 'broken'
    assert found.seen.startswith('hrnet_mm on torchvision 0.29.2; nms on cuda: Runtime')
    assert found.fix.endswith('torch==2.15.0 torchvision')


@pytest.fixture
def ours(site, operators, root):
    """mmcv-lite, and the operators of hrnet_mm as an installed one brings them."""
    operators()
    (site.folder / 'mmcv/_ext.py').unlink()
    site.dist('mmcv-lite', '2.1.0', 'mmcv')
    lines = f'import sys; sys.path.append({str(root)!r}); import hrnet_mm_standins\n'
    site.write('sitecustomize.py', lines + ONLY.format(dist='mmcv-lite'))
    return site


def test_operators_of_hrnet_mm_without_torchvision(ours):
    with (ours.folder / 'sitecustomize.py').open('a') as file:
        file.write(BLOCK.format(names=['torchvision']))
    found = look('mmcv operators')
    assert found.level == 'broken'
    assert 'torchvision is missing' in found.why
    assert found.fix.endswith(' torchvision')


def test_operators_of_hrnet_mm_on_a_broken_torchvision(ours):
    error = "RuntimeError('operator torchvision::nms does not exist')"
    ours.write('torchvision/__init__.py', f'raise {error}')
    found = look('mmcv operators')
    assert found.level == 'broken'
    assert 'torchvision was built for another torch' in found.why
    assert found.fix.endswith(' torchvision')


def test_a_clone_on_the_path_has_no_operators_for_mim(site, operators, root):
    operators()
    (site.folder / 'mmcv/_ext.py').unlink()
    site.dist('mmcv-lite', '2.1.0', 'mmcv')
    site.write('sitecustomize.py', WITHOUT_PTH + ONLY.format(dist='mmcv-lite'))
    found = look('mmcv operators')
    assert found.level == 'warning'
    assert found.seen == 'mmcv-lite 2.1.0 has no mmcv._ext'
    assert '`mim test mmdet` before hrnet_mm' in found.why
    assert found.fix == f'pip install --no-deps "{root}"'


def test_a_clone_on_the_path_cannot_replace_operators_before_mim(operators, site, root):
    operators('not available')
    site.without_pth()
    found = look('mmcv operators')
    assert found.fix == f'pip install --no-deps "{root}" && {OURS}'


@pytest.fixture
def scorer(site):
    """What hrnet_mm scores keypoints with."""
    site.write('pycocotools/coco.py')
    site.write('faster_coco_eval/__init__.py')
    site.dist('faster-coco-eval', '1.8.0', 'faster_coco_eval')
    return site


def test_keypoint_scores_of_an_installed_xtcocotools(site):
    site.write('xtcocotools/_mask.py')
    site.dist('xtcocotools', '1.14.3')
    site.block('faster_coco_eval')
    found = look('keypoint scores')
    assert (found.level, found.seen) == ('ok', 'xtcocotools 1.14.3')


def test_keypoint_scores_in_place_of_a_broken_xtcocotools(scorer):
    scorer.write('xtcocotools/_mask.py', f'raise ValueError({ABI!r})')
    found = look('keypoint scores')
    assert (found.level, found.seen) == ('note', 'hrnet_mm on faster-coco-eval 1.8.0')
    assert 'installed xtcocotools: ValueError: numpy.dtype size changed' in found.why
    assert found.fix == 'pip uninstall -y xtcocotools'


@pytest.mark.parametrize('missing', ['', 'faster_coco_eval'])
def test_keypoint_scores_of_hrnet_mm(scorer, missing):
    scorer.write('xtcocotools/__init__.py')  # found where stand-ins are
    text = STAND_IN.format(folder=str(scorer.folder)) + BLOCK.format(names=[missing])
    scorer.write('sitecustomize.py', text)
    found = look('keypoint scores')
    if missing:
        assert found.level == 'warning'
        assert 'faster_coco_eval is missing' in found.why
        assert found.fix == 'pip install faster-coco-eval'
    else:
        assert found.level == 'ok'
        assert found.seen == 'hrnet_mm on faster-coco-eval 1.8.0'


def test_a_clone_on_the_path_has_no_xtcocotools_for_mim(site, root):
    site.write('sitecustomize.py', WITHOUT_PTH + BLOCK.format(names=['xtcocotools']))
    found = look('keypoint scores')
    assert (found.level, found.seen) == ('warning', 'not installed')
    assert 'before hrnet_mm' in found.why
    assert found.fix == f'pip install --no-deps "{root}"'


def test_absent_library_is_a_note(site):
    site.block('mmdet')
    found = look('mmdet')
    assert (found.level, found.why) == ('note', 'trains det')
    assert found.fix == 'pip install "hrnet_mm[det]"'
    assert exit_code([found]) == 0


def test_some_library_must_work(site):
    site.block(*LIBRARIES)
    found = examine(*LIBRARIES)
    assert {found[name].level for name in LIBRARIES} == {'note'}
    assert found['task library'].level == 'broken'
    assert found['task library'].fix == 'pip install "hrnet_mm[all]"'
    assert exit_code(found.values()) == 1


def test_one_library_is_enough(site):
    site.block('mmpose', 'mmdet', 'mmpretrain')
    site.library('mmseg', "__version__ = '1.2.2'")
    found = examine(*LIBRARIES)
    assert found['mmseg'].level == 'ok'
    assert exit_code(found.values()) == 0


def test_mmseg_without_ftfy(site):
    site.library('mmseg', 'import ftfy')
    site.block('ftfy')
    found = look('mmseg')
    assert found.level == 'broken'
    assert found.fix == 'pip install ftfy regex'


def test_library_that_refuses_mmcv(site):
    message = 'MMCV==2.2.0 is used but incompatible. Please install mmcv>=2.0.0rc4.'
    site.library('mmdet', f'raise AssertionError({message!r})')
    found = look('mmdet')
    assert found.level == 'broken'
    assert found.fix.endswith(MMCV)


def test_all_missing_requirements_at_once(site):
    site.library('mmpose', 'import json_trix')
    needs = ('chumpy', 'json_trix>=1', 'no-such-thing', 'pytest', 'mark; extra == "x"')
    site.dist('mmpose', '1.3.2', needs=needs)
    found = look('mmpose')
    assert found.level == 'broken'
    assert found.fix == 'pip install json_trix no-such-thing'


def test_half_a_library(site):
    site.write('mmdet/__init__.py')
    site.dist('mmdet', '3.3.0')
    found = look('mmdet')
    assert found.level == 'broken'
    assert found.why.startswith('mmdet.datasets is missing')
    assert found.fix == f'{FORCE} mmdet'


def test_unknown_cause_gets_a_command_that_shows_it(site):
    site.library('mmseg', "raise OSError('solar wind')")
    found = look('mmseg')
    assert found.level == 'broken'
    assert found.seen == 'OSError: solar wind (__init__.py:1)'
    command = found.fix.replace('python', sys.executable, 1)
    shown = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert 'OSError: solar wind' in shown.stderr


def test_library_that_kills_its_interpreter(site):
    site.library('mmpose', 'import xtcocotools._mask')
    site.write('xtcocotools/_mask.py', 'import os; os.abort()')
    site.library('mmseg')
    found = examine('mmpose', 'mmseg')
    assert found['mmpose'].level == 'broken'
    assert found['mmpose'].seen == 'Python is killed by SIGABRT'
    assert 'xtcocotools' in found['mmpose'].why
    assert found['mmpose'].fix == 'pip uninstall -y xtcocotools'
    assert found['mmseg'].level == 'ok'  # in a fresh child


def test_library_that_leaves(site):
    site.library('mmpose', 'import os; os._exit(0)')
    site.library('mmseg', 'import sys; sys.exit("licence expired")')
    found = examine('mmpose', 'mmseg')
    assert found['mmpose'].level == found['mmseg'].level == 'broken'
    assert found['mmpose'].seen == 'Python stops with exit code 0'
    assert found['mmseg'].seen.startswith('SystemExit: licence expired')


def test_library_that_hangs(site):
    site.library('mmpose', 'import time; time.sleep(60)')
    found = look('mmpose', timeout=2)
    assert (found.level, found.seen) == ('broken', 'no answer in 2 s')
    assert found.fix.startswith('python -v -c "import mmpose')


def test_training_step_without_torch_libraries(site):
    (site.folder / 'hrnet_mm.py').unlink()
    message = 'libcudnn.so.9: cannot open shared object file'
    site.write('torch/__init__.py', f'raise ImportError({message!r})')
    found = look('training step')
    assert found.level == 'broken'
    assert found.why.startswith('torch does not fit')
    assert found.fix == 'pip install --upgrade torch torchvision --force-reinstall'


def nvidia_smi(folder, monkeypatch, cuda):
    program = folder / 'nvidia-smi'
    program.write_text(f'#!/bin/sh\necho "| Driver 550.54 CUDA Version: {cuda} |"\n')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', f'{folder}:/usr/bin:/bin')


def test_driver_older_than_torch(site, tmp_path, monkeypatch):
    site.write('torch/__init__.py', TORCH.format(version='2.15.0', ones='1'))
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    nvidia_smi(tmp_path, monkeypatch, '12.4')
    found = look('GPU')
    assert (found.level, found.seen) == ('warning', 'driver for CUDA 12.4')
    assert 'torch is built for CUDA 13.0' in found.why
    assert found.fix == (
        'pip install uv && uv pip install --python "$(command -v python)" '
        '--reinstall-package torch --reinstall-package torchvision '
        'torch torchvision --torch-backend=cu126'
    )


def test_hidden_gpu(site, tmp_path, monkeypatch):
    site.write('torch/__init__.py', TORCH.format(version='2.15.0', ones='1'))
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    nvidia_smi(tmp_path, monkeypatch, '13.0')
    found = look('GPU')
    assert (found.level, found.fix) == ('note', 'unset CUDA_VISIBLE_DEVICES')


def test_no_gpu_is_a_note(site, tmp_path, monkeypatch):
    site.write('torch/__init__.py', TORCH.format(version='2.15.0', ones='1'))
    monkeypatch.setenv('PATH', str(tmp_path))
    found = look('GPU')
    assert (found.level, found.why) == ('note', 'training runs on the CPU')


def test_gpu_that_torch_has_no_kernels_for(site):
    fails = "raise RuntimeError('CUDA error: no kernel image is available')"
    torch = TORCH.format(version='2.15.0', ones=fails).replace('False', 'True')
    site.write('torch/__init__.py', torch)
    found = look('GPU')
    assert found.level == 'warning'
    assert 'no kernels for this GPU' in found.why
    assert found.fix.endswith('--force-reinstall')


@pytest.mark.parametrize(
    ('version', 'level'), [('3.9.2', 'broken'), ('3.13.1', 'ok'), ('3.14.0', 'warning')]
)
def test_python_versions(site, version, level):
    site.write(
        'sitecustomize.py',
        f'import platform; platform.python_version = lambda: {version!r}',
    )
    found = look('Python')
    assert (found.level, found.seen) == (level, version)
    assert found.fix == ('' if level == 'ok' else 'python3.12 -m venv .venv')


def test_working_folder_does_not_count(site, tmp_path, monkeypatch):
    for name in ('click', 'json', 'doctor'):
        (tmp_path / f'{name}.py').write_text("raise OSError('a script of mine')")
    monkeypatch.chdir(tmp_path)
    site.write('click/__init__.py', "__version__ = '8.2.1'")
    assert look('click').level == 'ok'


def test_unknown_check_is_an_error():
    with pytest.raises(ValueError, match=r'no such check.*mmpos.*there are.*mmpose'):
        list(diagnose(['mmpos']))


def test_report_can_be_pasted():
    fix = 'pip install "hrnet_mm[pose]" ' + 'and-more ' * 20 + 'end'
    findings = [
        Finding('mmpose', 'note', '[red]not[/] installed', 'trains pose', fix),
        Finding('numpy', 'ok', '2.4.6'),
        Finding('torch', 'broken', 'OSError', 'why', fix),
    ]
    text = io.StringIO()
    report(findings, Console(file=text, width=60))
    lines = text.getvalue().splitlines()
    assert f'    {fix}' in lines
    assert text.getvalue().count(fix) == 1
    assert '[red]not[/]' in text.getvalue()
    assert lines[-1].startswith('Broken: torch.')
    first = [line.split()[0] for line in lines[1:4]]
    assert first == ['numpy', 'torch', 'mmpose']


def test_doctor_needs_nothing_but_the_standard_library():
    folder = Path(doctor.__file__).parents[1]
    code = (
        f'import sys; sys.path.insert(0, {str(folder)!r}); import doctor; '
        'names = {name.split(".")[0] for name in sys.modules} - {"doctor"}; '
        'print(sorted(names - set(sys.stdlib_module_names)))'
    )
    shown = subprocess.run(
        [sys.executable, '-I', '-S', '-c', code], capture_output=True, text=True
    )
    assert shown.stdout.strip() in ('[]', "['__main__']"), shown.stderr


def test_the_package_refuses_torch_before_2_1(site, root):
    (site.folder / 'hrnet_mm.py').unlink()
    site.write('torch/__init__.py', TORCH.format(version='2.0.1+cu117', ones='1'))
    code = f'import sys; sys.path.append({str(root)!r}); from hrnet_mm import HRNet'
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    *_, said, how = done.stderr.strip().splitlines()
    assert 'torch >= 2.1 is needed; this is torch 2.0.1+cu117' in said
    assert how.startswith('Run `hrnet-mm doctor`')


@pytest.mark.slow
def test_healthy_environment():
    for name in (*LIBRARIES, 'mim'):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f'{name} is not installed')
    findings = list(diagnose())
    assert len(findings) == len(doctor.CHECKS)
    assert [f for f in findings if f.level in ('warning', 'broken')] == []
    assert exit_code(findings) == 0
    step = findings[[f.name for f in findings].index('training step')]
    assert 'loss' in step.seen


def test_as_a_folder_it_survives_what_kills_the_package(site, root):
    """`import hrnet_mm` dies with torch here, and rich is missing."""
    site.write('torch/__init__.py', 'import os; os.abort()')
    site.block('rich', *LIBRARIES)
    command = [sys.executable, str(root / 'hrnet_mm' / 'doctor')]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    (line,) = (s for s in done.stdout.splitlines() if s.startswith('broken   torch:'))
    assert line
    assert 'pip install --upgrade torch torchvision' in done.stdout
