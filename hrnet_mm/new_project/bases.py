"""The configs of ours that a project starts from."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from mmengine.config import Config

from hrnet_mm.checkpoints import zoo
from hrnet_mm.libraries import LIBRARIES, Library

from .machine import Machine

# by the folder of the task: without a GPU, with one
DEFAULTS = {
    'pose': ('hrnet_w18_small_v1_tiny-pose', 'hrnet_w32_coco-256x192'),
    'seg': ('hrnetv2_w18_small_v1_tiny-seg', 'hrnetv2-ocr_w18_cityscapes-512x1024'),
    'det': (
        'faster-rcnn_hrnetv2p_w18_small_v1_tiny-det',
        'faster-rcnn_hrnetv2p_w18_coco-2x',
    ),
    'cls': ('hrnetc_w18_small_v1_tiny-cls', 'hrnetc_w18_imagenet'),
}
UNSUPPORTED = {
    'hrnet_mm.BottomupPoseEstimator': (
        'is bottom-up; docs/own_data.md, "Bottom-up pose", shows its config'
    ),
    'HybridTaskCascade': 'also needs label maps of COCO-Stuff',
}
TASKS = [name for it in LIBRARIES.values() for name in (it.folder, it.task)]


@dataclass(frozen=True)
class Base:
    """A config of ours.

    Args:
        name: Its name in the model zoo.
        file: Its path below ``hrnet_mm/.mim``.
        config: Its content.
        weights: The name of its published weights, or None.
    """

    name: str
    file: str
    config: Config
    weights: str | None

    @property
    def is_tiny(self) -> bool:
        """Whether it trains from scratch in minutes, on a laptop."""
        return '_tiny-' in self.name


def find_library(task: str) -> Library:
    """Return the library of a task: its folder or its long name."""
    for library in LIBRARIES.values():
        if task in (library.folder, library.task):
            return library
    raise ValueError(f'unknown task {task!r}: expected one of {", ".join(TASKS)}')


def find_base(library: Library, name: str | None, machine: Machine) -> Base:
    """Return a config by its name, or the default of a task on a machine.

    Raises:
        ValueError: If there is no such config for the task, or it needs other data.
    """
    folder = zoo.MIM / 'configs' / library.folder
    names = sorted(path.stem for path in folder.glob('*.py'))
    name = name or DEFAULTS[library.folder][bool(machine.memory)]
    name = Path(name).stem if name.endswith('.py') else name
    if name not in names:
        near = get_close_matches(name, names, n=4, cutoff=0.3) or names[:4]
        raise ValueError(
            f'there is no config {name!r} for {library.task}. The nearest names: '
            f'{", ".join(near)}; docs/model_zoo.md lists all'
        )
    config = Config.fromfile(folder / f'{name}.py')
    reason = UNSUPPORTED.get(config.model.type)
    if library.folder == 'pose' and 'mpii' in name:
        reason = "scores by MPII's own rule, which needs its head sizes"
    if reason:
        raise ValueError(f'{name} {reason}: choose another config with --from')
    weights = f'hrnet://{name}' if name in zoo.models() else None
    return Base(name, f'configs/{library.folder}/{name}.py', config, weights)
