"""Build every HRNet config of a library, as it is and with the line of the drop-in.

python sweep.py mmpose FOLDER    prints {config: what differs, or null} as JSON
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import warnings
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

import hrnet_mm  # noqa: F401 - mends what current numpy breaks
from hrnet_mm.checkpoints.reading import recognise

LINE = (
    "custom_imports = dict(imports=['hrnet_mm.dropin'], allow_failed_imports=False)\n"
)
CLASSES = {'HRNet', 'HRFPN', 'HRFuseScales'}


def hrnet_configs(library: str) -> list[Path]:
    """All with an HRNet backbone, wherever they are."""
    folder = Path(importlib.import_module(library).__file__).parent / '.mim/configs'
    paths = sorted(p for p in folder.rglob('*hr*.py') if '_base_' not in p.parts)
    return [p for p in paths if uses_hrnet(p)]


def uses_hrnet(path: Path) -> bool:
    backbone = Config.fromfile(path).get('model', {}).get('backbone', {})
    return backbone.get('type') == 'HRNet'


def build(cfg: Config):
    with (
        DefaultScope.overwrite_default_scope(cfg.default_scope),
        torch.device('meta'),
    ):
        return MODELS.build(cfg.model)


def layout(model) -> list[tuple]:
    return [(name, tuple(v.shape), v.dtype) for name, v in model.state_dict().items()]


def origins(model) -> dict[str, str]:
    """Which package the classes that are replaced came from."""
    kinds = {type(module) for module in model.modules()}
    return {
        kind.__name__: kind.__module__.split('.')[0]
        for kind in kinds
        if kind.__name__ in CLASSES
    }


def difference(stock, ours) -> str | None:
    (names, theirs), (our_names, mine) = stock, ours
    if set(names.values()) & {'hrnet_mm'} or set(our_names.values()) != {'hrnet_mm'}:
        return f'built of {names} and {our_names}'
    if names.keys() != our_names.keys():
        return f'{names} became {our_names}'
    for a, b in zip(theirs, mine, strict=False):
        if a != b:
            return f'{a} became {b}'
    return None if len(theirs) == len(mine) else f'{len(theirs)} became {len(mine)}'


def unrecognised(library: str, names: list[str]) -> str | None:
    """Whether a checkpoint of this model would be of another family, or renamed."""
    family = recognise(dict.fromkeys(names))
    if family.library != library:
        return f'its family is {family.name}'
    renamed = [n for n in names if family.their_name(family.our_name(n)) != n]
    return f'{renamed} are renamed' if renamed else None


def sweep(library: str, folder: Path) -> dict[str, str | None]:
    paths = hrnet_configs(library)
    stock = {}
    for path in paths:
        model = build(Config.fromfile(path))
        stock[path] = origins(model), layout(model)
    found = {}
    for path in paths:
        changed = folder / path.name
        changed.write_text(f"_base_ = ['{path}']\n{LINE}")
        model = build(Config.fromfile(changed))
        found[path.name] = difference(
            stock[path], (origins(model), layout(model))
        ) or unrecognised(library, list(model.state_dict()))
    return found


if __name__ == '__main__':
    logging.disable(logging.WARNING)
    warnings.simplefilter('ignore')
    print(json.dumps(sweep(sys.argv[1], Path(sys.argv[2]))))
