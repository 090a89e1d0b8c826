"""Predictors by the name of a model, or from a config and its weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from hrnet_mm.checkpoints import hub
from hrnet_mm.inference.inferencer import build_inferencer, find_model
from hrnet_mm.libraries import folder_of
from hrnet_mm.messages import first_line

from .formats import ImageIds
from .predictor import Predictor

DETECTOR = 'faster-rcnn_hrnetv2p_w18_coco-2x'  # finds people for top-down models
WEIGHTS_SUFFIXES = ('.pth', '.pt', '.safetensors', '.ckpt', '.bin', '.tar', '.pkl')


@dataclass(frozen=True)
class People:
    """How a top-down pose model finds the instances of an image.

    Attributes:
        boxes: A COCO file with boxes: annotations, or detection results.
        detector: The name or config of a detector.
        detector_weights: The weights of the detector, if it is a config.
        whole_image: Whether each image is one instance.
    """

    boxes: Path | None = None
    detector: str | None = None
    detector_weights: str | None = None
    whole_image: bool = False

    def check(self, is_topdown: bool) -> None:
        """Check that the options fit each other and the model.

        Raises:
            ValueError: If they do not.
        """
        given = [bool(self.boxes), bool(self.detector), self.whole_image]
        if sum(given) > 1:
            raise ValueError('use only one of --boxes, --detector and --whole-image')
        if any(given) and not is_topdown:
            raise ValueError(
                'the model is not a top-down pose model: --boxes, --detector and '
                '--whole-image have no effect on it'
            )
        if self.detector_weights and not self.detector:
            raise ValueError('--detector-weights needs --detector CONFIG')


def split_arguments(arguments: list[str]) -> tuple[str, str | None, list[str]]:
    """Split ``MODEL [WEIGHTS] SOURCE...``.

    Weights are recognized by their suffix, or as a name such as
    ``hrnet://w48/imagenet``.

    Raises:
        ValueError: If there is no source.
    """
    model, *rest = arguments
    weights = rest.pop(0) if rest and _are_weights(rest[0]) else None
    if not rest:
        raise ValueError(
            'there is no SOURCE to predict: an image, a folder, a video ...'
        )
    others = [it for it in rest if Path(it).suffix.lower() in WEIGHTS_SUFFIXES]
    if others:
        raise ValueError(
            f'there are several checkpoints, {weights or model} and {others[0]}: name '
            'one (a pattern such as best_*.pth may match several files)'
        )
    return model, weights, rest


def _are_weights(argument: str) -> bool:
    is_file = Path(argument).suffix.lower() in WEIGHTS_SUFFIXES
    return is_file or argument.startswith(hub.SCHEME) or argument in hub.list_known()


def open_predictor(
    model: str,
    weights: str | None = None,
    *,
    device: str | None = None,
    people: People | None = None,
    ids: ImageIds | None = None,
    **options: Any,
) -> tuple[Predictor, str]:
    """Build the predictor of a model.

    Args:
        model: A name of the model zoo, or the path of a config.
        weights: A file, a URL or a name; a config needs them.
        device: The device, such as ``'cuda:1'``; by default a GPU if there is one.
        people: How a top-down pose model finds its instances.
        ids: The ids of the images in the file of boxes.
        options: ``fast`` and ``threshold`` of ``Predictor``.

    Returns:
        The predictor, and a sentence that says how instances are found, or ``''``.

    Raises:
        ValueError: If the options do not fit the model.
    """
    people = people or People()
    check_device(device)
    infer, cfg = _open_inferencer(model, weights, device)
    is_topdown = cfg.get('data_mode') == 'topdown'
    people.check(is_topdown)
    build = class_of_predictor(getattr(infer, 'model', None), cfg)
    if not is_topdown:
        return build(infer, cfg, **options), ''
    module = import_module('hrnet_mm.pose.predictor')
    metainfo = infer.inferencer.model.dataset_meta
    is_person = module.finds_people(cfg, metainfo)
    if people.boxes is not None:
        boxes = _read_boxes(people.boxes, ids or ImageIds())
        return build(infer, cfg, boxes=boxes, **options), f'boxes: {people.boxes}'
    if people.whole_image or not (is_person or people.detector):
        note = 'each image is taken as one instance'
        return build(infer, cfg, **options), note
    name = people.detector or DETECTOR
    detector = _open_detector(name, people.detector_weights, device, is_person, options)
    what = 'people' if detector.only else 'objects of all classes'
    note = f'{what} are found by the detector {name}'
    return build(infer, cfg, detector=detector, **options), note


def class_of_predictor(model: Any, cfg: Config) -> Any:
    """Return the class of the predictor of a model.

    Args:
        model: The model; that of an inferencer of pose may be None.
        cfg: Its config.

    Raises:
        ValueError: If the config is neither of a library nor of several tasks.
    """
    folder = folder_of(cfg.get('default_scope'))
    if hasattr(model, 'num_stuff_classes'):
        return import_module('hrnet_mm.det.panoptic_predictor').PanopticPredictor
    is_depth = cfg.model.type.endswith('DepthEstimator')
    module = import_module(f'hrnet_mm.{folder}.predictor')
    return getattr(module, f'{"Depth" if is_depth else folder.title()}Predictor')


def _open_inferencer(
    model: str, weights: str | None, device: str | None
) -> tuple[Any, Config]:
    cfg, file = find_model(model, weights and hub.resolve(weights))
    is_pose = folder_of(cfg.get('default_scope')) == 'pose'
    options = dict(det_model='whole_image') if is_pose else {}
    return build_inferencer(cfg, file, device=device, **options), cfg


def _open_detector(
    name: str,
    weights: str | None,
    device: str | None,
    is_person: bool,
    options: dict[str, Any],
) -> Any:
    try:
        infer, cfg = _open_inferencer(name, weights, device)
    except hub.DownloadError as error:
        raise hub.DownloadError(
            f'{error}\nWithout this detector: --boxes FILE.json, --whole-image, or '
            'another --detector'
        ) from None
    if cfg.get('default_scope') != 'mmdet':
        raise ValueError(f'--detector {name} is not a detector of MMDetection')
    from hrnet_mm.det.predictor import DetPredictor

    has_people = 'person' in infer.model.dataset_meta['classes']
    return DetPredictor(
        infer, cfg, 'person' if is_person and has_people else '', **options
    )


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ValueError: If it is none.
    """
    try:
        return json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} is not a JSON file: {error}') from None


def read_lists(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read ``images`` and ``categories`` of a COCO file; a list of results has none.

    Raises:
        ValueError: If an image has no ``id`` and ``file_name``, or a category no ``id``
            and ``name``.
    """
    content = read_json(path)
    if isinstance(content, list):
        return [], []
    lists = []
    for name, keys in (('images', ('id', 'file_name')), ('categories', ('id', 'name'))):
        entries = content.get(name, []) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not all(_has(it, keys) for it in entries):
            raise ValueError(
                f'{path} is not a COCO file: `{name}` must be a list of entries with '
                f'{" and ".join(keys)}'
            )
        lists.append(entries)
    return lists[0], lists[1]


def _has(entry: Any, keys: Sequence[str]) -> bool:
    is_dict = isinstance(entry, dict)
    return is_dict and all(isinstance(entry.get(key), int | str) for key in keys)


def check_device(device: str | None) -> None:
    """Check that a device exists.

    Raises:
        ValueError: If it does not.
    """
    try:
        torch.empty(0, device=device or 'cpu')
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f'--device {device}: {first_line(error)}') from None


def _read_boxes(path: Path, ids: ImageIds) -> Any:
    from hrnet_mm.pose.predictor import GivenBoxes

    content = read_json(path)
    try:
        return GivenBoxes(content, ids).find
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} has no boxes ({error}): give a COCO annotation file, or a list of '
            'detections with image_id, bbox and score'
        ) from None
