"""Trained models by name, from a folder or from the Hugging Face Hub.

A folder as ``hrnet_mm.publishing`` writes it holds data only: the weights are
safetensors, and the config is read without running it. So the model of a stranger is
loaded like one of our own.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry

from hrnet_mm.building import load_trained
from hrnet_mm.checkpoints import CheckpointError, hub, read, zoo
from hrnet_mm.checkpoints.checksums import ChecksumError, check, compute
from hrnet_mm.checkpoints.families import NEAREST
from hrnet_mm.checkpoints.fitting import load_part
from hrnet_mm.datasets.metainfo import metainfo_of
from hrnet_mm.libraries import LIBRARIES, library_of
from hrnet_mm.messages import first_line, shortened
from hrnet_mm.models import HRNet
from hrnet_mm.models.arch import as_extra

# Files of a published model.
CONFIG, WEIGHTS, FACTS = 'config.py', 'model.safetensors', 'hrnet_mm.json'

REPOSITORY = re.compile(r'(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?')
# Packages whose registered classes a published config may name: `mmseg.FCNHead`.
PACKAGES = ('hrnet_mm', *LIBRARIES, 'mmengine', 'mmcv')
# Descriptions of keypoints that mmpose ships.
DESCRIPTION = re.compile(r'configs/_base_/datasets/\w+\.py')
DIGEST = re.compile('[0-9a-f]{64}')
# Names that are looked up in mmcv.ops, not in a registry.
OPERATIONS = {'nms', 'soft_nms', 'RoIAlign', 'RoIPool'}
# Functions that read, fetch or run what their arguments name. A class whose module
# calls one may do so when it is built, or build a model of somebody else.
LOADERS = {
    'create_model', 'download', 'eval', 'exec', 'from_pretrained', 'fromfile',
    'get_object_from_string', 'import_module', 'load_checkpoint', '_load_checkpoint',
    'load_state_dict_from_url', 'load_url', 'pickle.load', 'pickle.loads',
    'torch.hub.load', 'torch.load',
}  # fmt: skip


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
    _import(_imports(cfg), cfg.default_scope)
    # the weights replace what an init_cfg would load
    built = Config(_without_init(cfg.to_dict()))
    model = load_trained(built, weights, whole=True)
    model.cfg = cfg
    model.dataset_meta = metainfo_of(cfg.test_dataloader.dataset)
    return model


def _import(modules: list[str], library: str) -> None:
    try:
        for module in modules:
            import_module(module)
    except ImportError as error:
        raise ValueError(
            f'the model needs {library}: {error}. `hrnet-mm doctor` prints the fix'
        ) from error


def _imports(cfg: Config) -> list[str]:
    settings = cfg.get('custom_imports') or {}
    imports = settings.get('imports', []) if isinstance(settings, dict) else settings
    return [imports] if isinstance(imports, str) else list(map(str, imports))


def _without_init(cfg: Any) -> Any:
    if isinstance(cfg, dict):
        return {k: _without_init(v) for k, v in cfg.items() if k != 'init_cfg'}
    if isinstance(cfg, list | tuple):
        return type(cfg)(map(_without_init, cfg))
    return cfg


def _load_folder(folder: Path) -> Any:
    missing = [it for it in (CONFIG, WEIGHTS, FACTS) if not (folder / it).is_file()]
    if missing:
        raise CheckpointError(
            f'{folder} has no {" and no ".join(missing)}: it is not a model that '
            '`hrnet-mm push` has published'
        )
    try:
        check(compute(folder / WEIGHTS), _read_digest(folder / FACTS))
    except ChecksumError as error:
        raise ChecksumError(
            f'{folder / WEIGHTS} is damaged or incomplete: {error}'
        ) from None
    cfg = read_config(folder / CONFIG)
    try:
        check_types(cfg)
        return _load_model(Config(_with_descriptions(cfg.to_dict())), folder / WEIGHTS)
    except CheckpointError:
        raise
    except Exception as error:  # of any class of the libraries, on odd arguments
        raise ValueError(f'{folder} is not loaded: {first_line(error)}') from error


def _read_digest(path: Path) -> str:
    try:
        digest = json.loads(path.read_text())['sha256']
        if DIGEST.fullmatch(digest):
            return digest
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(
            f'{path} is damaged: {type(error).__name__}: {first_line(error)}'
        ) from None
    raise CheckpointError(
        f'{path} is damaged: its sha256 is {digest!r}, not 64 hexadecimal digits'
    )


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
    values: dict[str, Any] = {}
    try:
        for node in ast.parse(path.read_text()).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    values[name] = _evaluate(value)
                case _:
                    raise ValueError(f'it has {type(node).__name__} statements')
        return Config(values)
    except (RecursionError, MemoryError):
        reason = 'it is nested too deeply'
    except (ValueError, SyntaxError, TypeError, KeyError) as error:
        reason = first_line(error)
    raise ValueError(
        f'{path} is not read: {reason}. A published config has values only, so that it '
        'cannot run code'
    )


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

    mmengine takes the path of any function or module for a ``type``, and imports it.
    So a name must be in a registry already, and no module may have it. The classes of
    the model must also be of modules that call none of ``LOADERS``: this rule needs
    no list of classes, and so holds for any version of the libraries.

    Args:
        cfg: A config that somebody else may have written.

    Raises:
        ValueError: If it has no model or test data set, its library cannot be
            imported, or it names code or files that are neither of hrnet_mm nor of
            OpenMMLab.
    """
    library = library_of(cfg.get('default_scope'))
    _check_parts(cfg)
    imports = _imports(cfg)
    _refuse(it for it in imports if it.split('.')[0] not in PACKAGES)
    _import([library.scope, 'hrnet_mm', *imports], library.scope)
    values = cfg.to_dict()
    _refuse(
        name
        for scope, name in _types(values, library.scope)
        if _find(scope, name) is None
    )
    _refuse(_foreign_files(values))
    built = _without_init(
        {key: values[key] for key in ('model', 'data_preprocessor') if key in values}
    )
    _refuse(
        name
        for scope, name in _types(built, library.scope)
        if any(map(_loads, _modules(_find(scope, name))))
    )


def _check_parts(cfg: Config) -> None:
    if not isinstance(cfg.get('model'), dict):
        raise ValueError('the config has no model')
    loader = cfg.get('test_dataloader')
    if not (isinstance(loader, dict) and isinstance(loader.get('dataset'), dict)):
        raise ValueError(
            'the config has no test_dataloader, whose data set names the outputs'
        )


def _refuse(names: Iterator[str]) -> None:
    if others := list(dict.fromkeys(names)):
        raise ValueError(
            f'the config needs {shortened(others)}: a published model consists of '
            f'registered classes of {", ".join(PACKAGES)}, which load nothing else'
        )


def _types(cfg: Any, scope: str) -> Iterator[tuple[str, str]]:
    # yields names of classes, each with the scope in which mmengine looks it up
    if isinstance(cfg, dict):
        scope = str(cfg.get('_scope_', scope))
        if 'type' in cfg:
            yield scope, str(cfg['type'])
        for key, value in cfg.items():
            if key != 'keypoint_info':  # whose types are `upper` and `lower`
                yield from _types(value, scope)
    elif isinstance(cfg, list | tuple):
        for value in cfg:
            yield from _types(value, scope)


def _find(scope: str, name: str) -> Any:
    # not Registry.get, which imports a name that it does not know
    prefix, _, last = name.rpartition('.')
    if {prefix or scope, scope} - {*LIBRARIES, 'hrnet_mm', 'mmengine'}:
        return None
    if not prefix and (not name.isidentifier() or find_spec(name)):
        return None
    if name in OPERATIONS:
        return OPERATIONS
    kinds = [it.module_dict.get(name) for it in _registries(scope, 'mmengine')]
    if prefix:
        # a registry of hrnet_mm may be a child of that of a library
        scoped = _registries(prefix, scope)
        scoped = [it for it in map(partial(_within, prefix), scoped) if it]
        kinds += [it.module_dict.get(last) for it in scoped]
    return next(filter(None, kinds), None)


def _registries(*scopes: str) -> list[Registry]:
    _import([f'{scope}.registry' for scope in scopes], scopes[0])
    found = [
        value
        for scope in scopes
        for value in vars(import_module(f'{scope}.registry')).values()
        if isinstance(value, Registry)
    ]
    for registry in found:
        registry.import_from_location()
    return found


def _within(scope: str, registry: Registry) -> Registry | None:
    return registry if registry.scope == scope else registry.children.get(scope)


def _modules(kind: Any) -> set[str]:
    bases = inspect.getmro(kind) if inspect.isclass(kind) else [kind]
    names = {str(getattr(base, '__module__', '')) for base in bases}
    return {name for name in names if name.split('.')[0] in PACKAGES}


@cache
def _loads(module: str) -> bool:
    tree = ast.parse(inspect.getsource(import_module(module)))
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(
        ast.unparse(call) in LOADERS
        # a method `eval` is that of a model
        or (isinstance(call, ast.Attribute) and call.attr in LOADERS - {'eval'})
        for call in calls
    )


def _foreign_files(cfg: Any) -> Iterator[str]:
    # yields what the libraries would read or run when a data set is built
    if isinstance(cfg, dict):
        for key, value in cfg.items():
            if key == 'from_file' and _description(value) is None:
                yield f'from_file={value!r}'
            if key == 'trust_remote_code' or (
                key == 'classes' and isinstance(value, str)
            ):
                yield f'{key}={value!r}'
            if key == 'metainfo' and isinstance(value, dict):
                yield from (
                    f'metainfo.{name}={text!r}'
                    for name, text in value.items()
                    if name not in ('dataset_name', 'from_file')
                    and isinstance(text, str)
                )
            yield from _foreign_files(value)
    elif isinstance(cfg, list | tuple):
        for value in cfg:
            yield from _foreign_files(value)


def _description(file: Any) -> Path | None:
    # mmpose would take a file of the working folder first
    if not isinstance(file, str) or not DESCRIPTION.fullmatch(file):
        return None
    package = find_spec('mmpose')
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / '.mim' / file
    return path if path.is_file() else None


def _with_descriptions(cfg: Any) -> Any:
    if isinstance(cfg, dict):
        return {
            key: str(_description(value))
            if key == 'from_file'
            else _with_descriptions(value)
            for key, value in cfg.items()
        }
    if isinstance(cfg, list | tuple):
        return type(cfg)(map(_with_descriptions, cfg))
    return cfg
