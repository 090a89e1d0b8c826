"""Build every HRNet config of a library, as it is and with the line of the drop-in.

python sweep.py mmpose FOLDER    prints {config: what differs, or null} as JSON
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import warnings
from copy import deepcopy
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

import hrnet_mm  # noqa: F401 - mends what current numpy breaks
from hrnet_mm.checkpoints.checkpoint import find_family

LINE = (
    "custom_imports = dict(imports=['hrnet_mm.dropin'], allow_failed_imports=False)\n"
)
CLASSES = {'HRNet', 'HRFPN', 'HRFuseScales'}


def hrnet_configs(library: str) -> dict[Path, Config]:
    """All with an HRNet backbone, wherever they are."""
    folder = Path(importlib.import_module(library).__file__).parent / '.mim/configs'
    paths = sorted(p for p in folder.rglob('*hr*.py') if '_base_' not in p.parts)
    configs = {path: Config.fromfile(path) for path in paths}
    return {path: cfg for path, cfg in configs.items() if uses_hrnet(cfg)}


def uses_hrnet(cfg: Config) -> bool:
    return cfg.get('model', {}).get('backbone', {}).get('type') == 'HRNet'


def build(cfg: Config):
    with (
        DefaultScope.overwrite_default_scope(cfg.default_scope),
        torch.device('meta'),
    ):
        return MODELS.build(deepcopy(cfg.model))  # which mmseg changes


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
    family = find_family(dict.fromkeys(names))
    if family.library != library:
        return f'its family is {family.name}'
    renamed = [n for n in names if family.their_name(family.our_name(n)) != n]
    return f'{renamed} are renamed' if renamed else None


def sweep(library: str, folder: Path) -> dict[str, str | None]:
    configs = hrnet_configs(library)
    # many differ in their data alone
    models = {str(cfg.model): cfg for cfg in configs.values()}
    stock = {}
    for key, cfg in models.items():
        model = build(cfg)
        stock[key] = origins(model), layout(model)
    # the line imports, and does nothing else: one config brings it for all
    changed = folder / 'changed.py'
    changed.write_text(f"_base_ = ['{next(iter(configs))}']\n{LINE}")
    Config.fromfile(changed)
    found = {}
    for key, cfg in models.items():
        model = build(cfg)
        found[key] = difference(
            stock[key], (origins(model), layout(model))
        ) or unrecognised(library, list(model.state_dict()))
    return {path.name: found[str(cfg.model)] for path, cfg in configs.items()}


if __name__ == '__main__':
    logging.disable(logging.WARNING)
    warnings.simplefilter('ignore')
    print(json.dumps(sweep(sys.argv[1], Path(sys.argv[2]))))
