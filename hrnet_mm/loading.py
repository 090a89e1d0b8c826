"""Trained models by name, from a folder or from the Hugging Face Hub.

A folder as ``hrnet_mm.publishing`` writes it holds data only: the weights are
safetensors, and the config is read without running it. So the model of a stranger is
loaded like one of our own.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from hrnet_mm.building import load_trained
from hrnet_mm.checkpoints import CheckpointError, hub, read, zoo
from hrnet_mm.checkpoints.checksums import ChecksumError, check, compute
from hrnet_mm.checkpoints.families import NEAREST
from hrnet_mm.checkpoints.fitting import load_part
from hrnet_mm.datasets.metainfo import metainfo_of
from hrnet_mm.libraries import LIBRARIES, library_of
from hrnet_mm.messages import first_line
from hrnet_mm.models import HRNet
from hrnet_mm.models.arch import as_extra

# Files of a published model.
CONFIG, WEIGHTS, FACTS = 'config.py', 'model.safetensors', 'hrnet_mm.json'

REPOSITORY = re.compile(r'(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?')
# Packages whose registered classes a published config may name: `mmseg.FCNHead`.
PACKAGES = ('hrnet_mm', *LIBRARIES, 'mmengine', 'mmcv')
# Descriptions of keypoints that mmpose ships.
DESCRIPTION = re.compile(r'configs/_base_/datasets/\w+\.py')
REGISTERED = re.compile(rf'\w+|({"|".join(PACKAGES)})\.[A-Z]\w*')


def from_pretrained(name: str) -> Any:
    """Build a model in eval mode, with its trained weights.

    Args:
        name: A name that ``hrnet-mm fetch`` lists, such as
            ``'hrnet_w32_coco-256x192'``, or ``'w48/imagenet'`` for a trunk; a folder
            that ``save_pretrained`` has written; or a repository of the Hugging Face
            Hub, ``'org/repo'`` or ``'org/repo@revision'``, which needs the extra
            ``hub``. ``HF_ENDPOINT`` and ``HF_HOME`` work as usual.

    Returns:
        The model of the library of the config, with the attributes ``cfg`` and
        ``dataset_meta`` as its ``init_model`` sets them; or an ``HRNet``.

    Raises:
        CheckpointError: If the name is unknown, a download fails, a file has another
            SHA-256 than the published one, or the weights do not fit the model.
        ValueError: If the library of the model cannot be imported, or the config of a
            folder or repository names anything but registered classes.
    """
    known = zoo.weights().get(name.removeprefix(hub.SCHEME))
    if known is None:
        return _load_folder(Path(name) if Path(name).is_dir() else _download(name))
    path = hub.fetch(name)
    if known.config is None:
        return _load_trunk(path)
    cfg = Config.fromfile(known.config, import_custom_modules=False)
    return _load_model(cfg, path)


def _load_trunk(path: Path) -> HRNet:
    checkpoint = read(path)
    if checkpoint.trunk is None:
        raise CheckpointError(f'{path} has no trunk of an HRNet')
    trunk = checkpoint.trunk
    model = HRNet(
        extra=as_extra(trunk.stages),
        in_channels=trunk.in_channels,
        multiscale_output=trunk.multiscale_output,
        upsample_cfg=checkpoint.upsampling or NEAREST,
    )
    load_part(model, checkpoint.tensors, 'backbone.', Counter())
    return model.eval()


def _load_model(cfg: Config, weights: Path) -> Any:
    try:
        import_modules_from_strings(cfg.get('custom_imports', {}).get('imports', []))
    except ImportError as error:
        raise ValueError(
            f'the model needs {cfg.default_scope}: {error}. `hrnet-mm doctor` prints '
            'the fix'
        ) from error
    model = load_trained(cfg, weights, whole=True)
    model.cfg = cfg
    model.dataset_meta = metainfo_of(cfg.test_dataloader.dataset)
    return model


def _load_folder(folder: Path) -> Any:
    missing = [it for it in (CONFIG, WEIGHTS, FACTS) if not (folder / it).is_file()]
    if missing:
        raise CheckpointError(
            f'{folder} has no {" and no ".join(missing)}: it is not a model that '
            '`hrnet-mm push` has published'
        )
    try:
        expected = str(json.loads((folder / FACTS).read_text())['sha256'])
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f'{folder / FACTS} is damaged: {type(error).__name__}: {error}'
        ) from None
    try:
        check(compute(folder / WEIGHTS), expected)
    except ChecksumError as error:
        raise ChecksumError(
            f'{folder / WEIGHTS} is damaged or incomplete: {error}'
        ) from None
    cfg = read_config(folder / CONFIG)
    library_of(cfg.get('default_scope'))
    check_types(cfg)
    return _load_model(cfg, folder / WEIGHTS)


def _download(name: str) -> Path:
    found = REPOSITORY.fullmatch(name)
    unknown = zoo.describe_unknown_name(name, zoo.weights())
    if found is None:
        raise CheckpointError(unknown)
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise CheckpointError(
            f'{unknown}. To load a repository of the Hugging Face Hub: '
            "pip install 'hrnet_mm[hub]'"
        ) from None
    try:
        folder = snapshot_download(
            found['repo'],
            revision=found['revision'],
            allow_patterns=[CONFIG, WEIGHTS, FACTS],
        )
    except Exception as error:  # of the Hub, of the network, of the disk
        raise CheckpointError(
            f'{unknown}. Nor can it be loaded from the Hugging Face Hub: '
            f'{first_line(error)}'
        ) from error
    return Path(folder)


def read_config(path: Path) -> Config:
    """Read a config of nothing but values, without running it.

    Args:
        path: A Python file of assignments, as ``Config.dump`` writes it.

    Raises:
        ValueError: If it has other statements, or calls anything but ``dict``.
    """
    values = {}
    try:
        for node in ast.parse(path.read_text()).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    values[name] = _evaluate(value)
                case _:
                    raise ValueError(f'it has {type(node).__name__} statements')
    except (ValueError, SyntaxError) as error:
        raise ValueError(
            f'{path} is not read: {error}. A published config has values only, so that '
            'it cannot run code'
        ) from None
    return Config(values)


def _evaluate(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id='dict'), args=[], keywords=words):
            return {_name(word): _evaluate(word.value) for word in words}
        case ast.Call(
            func=ast.Name(id='dict'), args=[ast.Dict() as keyed], keywords=[]
        ):
            return _evaluate(keyed)  # mmengine writes dicts with other keys so
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {ast.literal_eval(k): _evaluate(v) for k, v in pairs if k}
        case ast.List(elts=items):
            return [_evaluate(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_evaluate(item) for item in items)
        case ast.UnaryOp() | ast.Constant():
            return ast.literal_eval(node)
    raise ValueError(f'line {node.lineno} has an expression: {ast.unparse(node)[:60]}')


def _name(word: ast.keyword) -> str:
    if word.arg is None:
        raise ValueError(f'line {word.lineno} has **')
    return word.arg


def check_types(cfg: Config) -> None:
    """Raise unless a config names no code but classes of the libraries.

    mmengine takes the path of any function for a ``type``, and calls it; mmpose runs
    the file that describes keypoints.

    Args:
        cfg: A config that somebody else may have written.

    Raises:
        ValueError: If a ``type``, an import or a description of keypoints is neither of
            hrnet_mm nor of OpenMMLab.
    """
    values = cfg.to_dict()
    imports = values.get('custom_imports', {}).get('imports', ())
    imports = [imports] if isinstance(imports, str) else imports
    others = [
        *(it for it in _values_of('type', values) if not REGISTERED.fullmatch(it)),
        *(
            it
            for it in _values_of('from_file', values)
            if not DESCRIPTION.fullmatch(it)
        ),
        *(it for it in imports if it.split('.')[0] not in PACKAGES),
    ]
    if others:
        raise ValueError(
            f'the config needs {", ".join(dict.fromkeys(others))}: a published model '
            f'consists of registered classes of {", ".join(PACKAGES)}'
        )


def _values_of(key: str, cfg: Any) -> Iterator[str]:
    if isinstance(cfg, dict):
        if key in cfg:
            yield str(cfg[key])
        for value in cfg.values():
            yield from _values_of(key, value)
    elif isinstance(cfg, list | tuple):
        for value in cfg:
            yield from _values_of(key, value)
