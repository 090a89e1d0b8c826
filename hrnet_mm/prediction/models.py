"""Predictors by the name of a model, or from a config and its weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from hrnet_mm.checkpoints import hub
from hrnet_mm.inference.inferencer import build_inferencer, find_model
from hrnet_mm.libraries import library_of

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
    infer = _open_inferencer(model, weights, device)
    inner = getattr(infer, 'inferencer', infer)
    scope = inner.cfg.default_scope
    is_topdown = inner.cfg.get('data_mode') == 'topdown'
    people.check(is_topdown)
    folder = library_of(scope).folder
    build = getattr(
        import_module(f'hrnet_mm.{folder}.predictor'), f'{folder.title()}Predictor'
    )
    if not is_topdown:
        return build(infer, **options), ''
    finder, note = _find_people(people, inner.cfg, device, ids or ImageIds(), options)
    return build(infer, **finder, **options), note


def _open_inferencer(model: str, weights: str | None, device: str | None) -> Any:
    cfg, file = find_model(model, weights and hub.resolve(weights))
    is_pose = library_of(cfg.get('default_scope')).task == 'pose'
    options = dict(det_model='whole_image') if is_pose else {}
    return build_inferencer(cfg, file, device=device, **options)


def _find_people(
    people: People, cfg: Any, device: str | None, ids: ImageIds, options: Any
) -> tuple[dict[str, Any], str]:
    # the arguments of PosePredictor, and what they are
    from hrnet_mm.pose.predictor import GivenBoxes, subject

    kind = subject(cfg)
    if people.boxes is not None:
        try:
            content = json.loads(people.boxes.read_text())
            return dict(boxes=GivenBoxes(content, ids)), f'boxes of {people.boxes}'
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{people.boxes} has no boxes ({error}): give a COCO annotation file, '
                'or a list of detections with image_id, bbox and score'
            ) from None
    if people.whole_image:
        return {}, 'each image is one instance'
    if people.detector is None and kind not in ('body', 'wholebody'):
        return {}, (
            f'each image is one {kind}; --detector or --boxes finds several in an image'
        )
    detector = people.detector or DETECTOR
    infer = _open_inferencer(detector, people.detector_weights, device)
    from hrnet_mm.det.predictor import DetPredictor

    classes = infer.model.dataset_meta['classes']
    only = 'person' if 'person' in classes and kind in ('body', 'wholebody') else ''
    return dict(detector=DetPredictor(infer, only, **options)), (
        f'the detector {detector} finds {only or "objects of any class"}'
    )
