"""Run an exported HRNet on images and videos, without OpenMMLab.

    python run.py SOURCE...                      print predictions as JSON
    python run.py IMAGE --box X Y WIDTH HEIGHT   the box of an instance (top-down pose)

A SOURCE is an image, a folder of images or a video. Visualizations are written to the
current folder. Needs numpy, opencv-python-headless,
and the runtime of the model: onnxruntime for .onnx, openvino for .xml, torch for .pt2.
The model and model.json must be in the folder of this file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

Model = Callable[..., list[np.ndarray]]
SUFFIXES = ('.onnx', '.xml', '.pt2')
IMAGES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.tif', '.tiff')
VIDEOS = ('.mp4', '.avi', '.mov', '.mkv', '.webm')
SHOWN = 0.3  # the score from which objects and people are drawn


def load(path: Path, bf16: bool = False) -> Model:
    """Load an exported model.

    Args:
        path: The file of the model.
        bf16: Compute in bfloat16 if the processor supports it; .xml only.

    Returns:
        A function from the inputs of the model, images ``(N, C, H, W)``, float32,
        first, to the list of its outputs.

    Raises:
        ValueError: if the suffix is unknown, or does not support ``bf16``.
    """
    if bf16 and path.suffix != '.xml':
        raise ValueError(
            f'{path} computes in float32 only: use export --format openvino'
        )
    if path.suffix == '.onnx':
        import onnxruntime

        session = onnxruntime.InferenceSession(
            str(path), providers=onnxruntime.get_available_providers()
        )
        names = [it.name for it in session.get_inputs()]
        return lambda *xs: session.run(None, dict(zip(names, xs, strict=True)))
    if path.suffix == '.xml':
        import openvino

        hint = {'INFERENCE_PRECISION_HINT': 'bf16' if bf16 else 'f32'}
        compiled = openvino.compile_model(str(path), 'CPU', hint)
        return lambda *xs: [np.array(it) for it in compiled(xs).to_tuple()]
    if path.suffix == '.pt2':
        import torch

        if find_spec('torchvision'):
            import torchvision  # noqa: F401 detectors use its operators

        module = torch.export.load(path).module()

        def run(*xs: np.ndarray) -> list[np.ndarray]:
            outputs = torch.utils._pytree.tree_leaves(
                module(*map(torch.from_numpy, xs))
            )
            return [it.detach().numpy() for it in outputs]

        return run
    raise ValueError(f'{path}: its suffix is not one of {" ".join(SUFFIXES)}')


def _find_model(folder: Path) -> Path:
    found = [path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES]
    if not found:
        raise FileNotFoundError(f'{folder} holds no model ({" ".join(SUFFIXES)})')
    return found[0]


def read(path: Path, facts: dict) -> np.ndarray:
    """Read an image in the color type that the model was trained with.

    Args:
        path: The image file.
        facts: The content of model.json.

    Returns:
        ``(H, W)`` or ``(H, W, C)``, in the channel order of OpenCV.

    Raises:
        ValueError: if the file is not an image, or has the wrong number of channels.
    """
    flags = dict(
        color=cv2.IMREAD_COLOR,
        color_ignore_orientation=cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION,
        grayscale=cv2.IMREAD_GRAYSCALE,
        grayscale_ignore_orientation=cv2.IMREAD_GRAYSCALE
        | cv2.IMREAD_IGNORE_ORIENTATION,
        unchanged=cv2.IMREAD_UNCHANGED,
    )
    image = cv2.imread(str(path), flags[facts['color_type']])
    if image is None and path.suffix in ('.tif', '.tiff') and find_spec('tifffile'):
        import tifffile  # OpenCV reads up to four channels

        image = tifffile.imread(path)
    if image is None:
        raise ValueError(f'{path} is no image')
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels != facts['channels']:
        raise ValueError(
            f'{path} has {channels} channels, and the model takes {facts["channels"]}'
        )
    return image


def make_batch(images: list[np.ndarray], facts: dict) -> np.ndarray:
    """Stack images to the input of a model.

    Args:
        images: ``(H, W)`` or ``(H, W, C)``, in the channel order of OpenCV.
        facts: The content of model.json.

    Returns:
        ``(N, C, H, W)``, float32, in the channel order of the model.
    """
    stacked = np.stack([image.reshape(*image.shape[:2], -1) for image in images])
    if facts['rgb'] and stacked.shape[3] == 3:
        stacked = stacked[..., ::-1]
    return np.ascontiguousarray(stacked.transpose(0, 3, 1, 2), np.float32)


# A copy of `drawable` of hrnet_mm.images, as this file must run without hrnet_mm.
def drawable(image: np.ndarray) -> np.ndarray:
    """Return a copy to draw on, ``(H, W, 3)``, uint8: gray, or the first 3 channels."""
    channels = image.reshape(*image.shape[:2], -1).astype(np.float32)
    picture = channels[..., [0, 0, 0] if channels.shape[2] < 3 else [0, 1, 2]]
    if image.dtype != np.uint8:
        low, high = picture.min(), picture.max()
        picture = (picture - low) / max(high - low, 1e-12) * 255
    return np.ascontiguousarray(picture, np.uint8)


def predict(
    model: Model, facts: dict, image: np.ndarray, box: list[float] | None
) -> dict:
    """Run a model on an image.

    Args:
        model: The model; see ``load``.
        facts: The content of model.json.
        image: The image; see ``read``.
        box: Left, top, width and height of a person in pixels, for pose models. None is
            the whole image.

    Returns:
        ``joints``: x, y in pixels and score by keypoint; ``people``, each with a score
        and ``joints``; ``objects``, each with a name, a score and a box x1, y1, x2, y2
        in pixels, with ``masks`` ``(N, H, W)`` if the model has any; ``shares`` of the
        pixels by class, with ``labels`` ``(H, W)``; the nearest, median and farthest
        ``metres``, with ``depth`` ``(H, W)``; or ``classes``: probabilities of the best
        five. ``picture`` is the visualization.

    Raises:
        ValueError: if there is a box and the model is not a top-down pose model.
    """
    if facts['task'] == 'pose':
        return _predict_pose(model, facts, image, box)
    if box is not None:
        raise ValueError(f'a box is for pose models only, and this is {facts["task"]}')
    task: Any = {
        'bottom-up pose': _predict_people,
        'detection': _predict_objects,
        'segmentation': _predict_segmentation,
        'depth': _predict_depth,
        'classification': _predict_classes,
    }
    return task[facts['task']](model, facts, image)


# --------------------------------------------------------------------------- pose


def _predict_pose(
    model: Model, facts: dict, image: np.ndarray, box: list[float] | None
) -> dict:
    x, y, width, height = box or [0, 0, image.shape[1], image.shape[0]]
    crop, to_image = _crop_person(image, facts, (x, y, width, height))
    (heatmaps,) = model(make_batch([crop], facts))[0]
    cells, scores = find_peaks(heatmaps)
    if facts['refine'] == 'quarter':
        cells = refine_by_quarter(cells, heatmaps)
    else:
        refine = dict(dark=_refine_by_dark, udp=_refine_by_dark_udp)[facts['refine']]
        cells = refine(cells, heatmaps, facts['blur'])
    points = to_image(cells / (np.array(heatmaps.shape[:0:-1]) - facts['udp']))
    picture = drawable(image)
    _draw_joints(picture, facts, points)
    return dict(joints=_name_joints(facts, points, scores), picture=picture)


def _name_joints(facts: dict, points: np.ndarray, scores: np.ndarray) -> dict:
    return {
        name: [*map(float, point), float(score)]
        for name, point, score in zip(facts['names'], points, scores, strict=True)
    }


def _draw_joints(picture: np.ndarray, facts: dict, points: np.ndarray) -> None:
    for a, b in facts['links']:
        start, end = points[[a, b]].astype(int).tolist()
        cv2.line(picture, start, end, (0, 255, 0), 2)
    for point in points.astype(int).tolist():
        cv2.circle(picture, point, 3, (0, 0, 255), -1)


def _crop_person(
    image: np.ndarray, facts: dict, box: tuple[float, float, float, float]
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    # Returns the padded box in the input size of the model, and a function from
    # positions, relative to the size of the crop, to pixels of the image. With UDP
    # (arXiv:1911.07524) a size is the distance from the first pixel to the last, one
    # less than their number.
    size = np.array(facts['size'][::-1])
    x, y, w, h = box
    centre = np.array([x + w / 2, y + h / 2])
    w, h = np.array([w, h]) * facts['padding']
    surroundings = max(w, h * size[0] / size[1]) * size / size[0]
    scale = (size - facts['udp']) / surroundings
    shift = (size - facts['udp']) / 2 - centre * scale
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
    crop = cv2.warpAffine(image, matrix, size.tolist(), flags=cv2.INTER_LINEAR)
    return crop, lambda shares: (shares - 0.5) * surroundings + centre


def find_peaks(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y ``(K, 2)`` and values ``(K,)`` of the maxima of ``(K, H, W)``."""
    flat = heatmaps.reshape(len(heatmaps), -1)
    rows, columns = np.unravel_index(flat.argmax(1), heatmaps.shape[1:])
    return np.stack([columns, rows], 1).astype(np.float64), flat.max(1)


def refine_by_quarter(cells: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Move the maxima a quarter of a heatmap pixel towards the higher neighbor."""
    height, width = heatmaps.shape[1:]
    moved = cells.copy()
    for (x, y), heatmap, point in zip(cells.astype(int), heatmaps, moved, strict=True):
        if 1 < x < width - 1 and y > 0:
            point[0] += np.sign(heatmap[y, x + 1] - heatmap[y, x - 1]) / 4
        if 1 < y < height - 1 and x > 0:
            point[1] += np.sign(heatmap[y + 1, x] - heatmap[y - 1, x]) / 4
    return moved


def _refine_by_dark(cells: np.ndarray, heatmaps: np.ndarray, blur: int) -> np.ndarray:
    # DARK (arXiv:1910.06278): the maximum of a parabola fitted to the logarithm
    height, width = heatmaps.shape[1:]
    moved = cells.copy()
    for (x, y), heatmap, point in zip(cells.astype(int), heatmaps, moved, strict=True):
        if not (1 < x < width - 2 and 1 < y < height - 2):
            continue
        h = np.log(np.maximum(_blur(heatmap, blur), 1e-10))
        h = h[y - 2 : y + 3, x - 2 : x + 3]
        gradient = np.array([h[2, 3] - h[2, 1], h[3, 2] - h[1, 2]]) / 2
        xx = (h[2, 4] - 2 * h[2, 2] + h[2, 0]) / 4
        yy = (h[4, 2] - 2 * h[2, 2] + h[0, 2]) / 4
        xy = (h[3, 3] - h[1, 3] - h[3, 1] + h[1, 1]) / 4
        if xx * yy != xy**2:
            point -= np.linalg.solve(np.array([[xx, xy], [xy, yy]]), gradient)
    return moved


def _refine_by_dark_udp(
    cells: np.ndarray, heatmaps: np.ndarray, blur: int
) -> np.ndarray:
    # DARK as in UDP (arXiv:1911.07524), with differences of adjacent pixels
    moved = cells.copy()
    for (x, y), heatmap, point in zip(cells.astype(int), heatmaps, moved, strict=True):
        h = np.log(np.clip(_blur(heatmap, blur), 1e-3, 50))
        h = np.pad(h, 1, mode='edge')[y : y + 3, x : x + 3]
        gradient = np.array([h[1, 2] - h[1, 0], h[2, 1] - h[0, 1]]) / 2
        xx = h[1, 2] - 2 * h[1, 1] + h[1, 0]
        yy = h[2, 1] - 2 * h[1, 1] + h[0, 1]
        xy = h[2, 2] - h[1, 2] - h[2, 1] + 2 * h[1, 1] - h[1, 0] - h[0, 1] + h[0, 0]
        hessian = np.array([[xx, xy / 2], [xy / 2, yy]])
        epsilon = np.finfo(np.float32).eps * np.eye(2)  # for flat heatmaps
        point -= np.linalg.solve(hessian + epsilon, gradient)
    return moved


def _blur(heatmap: np.ndarray, kernel: int) -> np.ndarray:
    # a Gaussian blur with zero padding that keeps the maximum
    edge = (kernel - 1) // 2
    smooth = cv2.GaussianBlur(np.pad(heatmap, edge), (kernel, kernel), 0)
    smooth = smooth[edge:-edge, edge:-edge]
    return smooth * (heatmap.max() / smooth.max())


# ----------------------------------------------------------------- bottom-up pose


def _predict_people(model: Model, facts: dict, image: np.ndarray) -> dict:
    resized, factor, shift = _expand(image, facts)
    outputs = [it[0] for it in model(make_batch([resized], facts))]
    heatmaps, tags = aggregate(outputs, resized.shape[:2], len(facts['names']))
    people = group_joints(heatmaps, tags, facts['grouping'])
    picture, found = drawable(image), []
    for joints, score in people:
        points = (joints[:, :2] - shift) / factor
        if score >= SHOWN:
            _draw_joints(picture, facts, points)
        named = _name_joints(facts, points, joints[:, 2])
        found.append(dict(score=float(score), joints=named))
    return dict(people=found, picture=picture)


def _expand(image: np.ndarray, facts: dict) -> tuple[np.ndarray, float, np.ndarray]:
    # the image in the middle of the input of the model, its factor and its position, as
    # BottomupResize of MMPose
    height, width = image.shape[:2]
    multiple, ratio = facts['multiple'], width / height
    least_w, least_h = (-(-it // multiple) * multiple for it in facts['input_size'])
    choose = dict(expand=max, fit=min)[facts['resize_mode']]
    big_w, big_h = choose(least_w, least_h * ratio), choose(least_h, least_w / ratio)
    size = np.array([least_w, least_h])
    if facts['resize_mode'] == 'expand':
        size = (np.ceil(np.array([big_w, big_h]) / multiple) * multiple).astype(int)
    factor = big_w / width
    if not facts['dynamic']:
        size = np.array(facts['size'][::-1])
        factor = min(factor, size[0] / width, size[1] / height)
    shift = size / 2 - np.array([width, height]) / 2 * factor
    matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
    resized = cv2.warpAffine(image, matrix, size.tolist(), flags=cv2.INTER_LINEAR)
    return resized, factor, shift


def aggregate(
    outputs: list[np.ndarray], size: tuple[int, int], number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Resize the outputs of HigherHRNet to its input, and average the heatmaps.

    Args:
        outputs: Heatmaps and tags, ``(K + L * K, h, w)``, then heatmaps of twice this
            resolution, ``(K, 2h, 2w)``, and so on.
        size: Height and width of the input.
        number: Number of keypoints, K.

    Returns:
        Heatmaps, ``(K, H, W)``, and tags, ``(L, K, H, W)``.
    """
    largest = outputs[-1].shape[1:]
    outputs = [_resize_maps(it, largest) for it in outputs]
    heatmaps = np.stack([it[:number] for it in outputs]).mean(axis=0)
    tags = _resize_maps(outputs[0][number:], size)
    return _resize_maps(heatmaps, size), tags.reshape(-1, number, *size)


def _resize_maps(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    return np.stack([cv2.resize(it, (size[1], size[0])) for it in maps])


def group_joints(
    heatmaps: np.ndarray, tags: np.ndarray, options: dict
) -> list[tuple[np.ndarray, float]]:
    """Group the maxima of heatmaps into people by their tags.

    This is the associative embedding of HigherHRNet (arXiv:1908.10357, section 3.2).

    Args:
        heatmaps: ``(K, H, W)``.
        tags: ``(L, K, H, W)``.
        options: ``grouping`` of model.json: the arguments of the codec.

    Returns:
        Joints, ``(K, 3)``: x, y in pixels of the input and score, and the score of each
        person, the most certain ones first.
    """
    people, means = _match(heatmaps, tags, options)
    scores = people[..., 2].mean(axis=1)
    best = scores.argsort(kind='stable')[::-1][: options['max_people']]
    if options['refine']:
        missing = np.argwhere(people[..., 2] == 0)
        for person, joint in missing[np.isin(missing[:, 0], best)]:
            far = (tags[:, joint] - means[person][:, None, None]) ** 2
            gain = heatmaps[joint] - np.round(np.sqrt(far.sum(axis=0)))
            y, x = np.unravel_index(gain.argmax(), gain.shape)
            if heatmaps[joint, y, x] > 0:
                people[person, joint] = x, y, heatmaps[joint, y, x]
    if options['adjust']:
        _adjust(people, heatmaps)
    return [(people[i], float(scores[i])) for i in best]


def _match(
    heatmaps: np.ndarray, tags: np.ndarray, options: dict
) -> tuple[np.ndarray, np.ndarray]:
    # people (N, K, 3) and their mean tags (N, L)
    width = heatmaps.shape[2]
    people = np.zeros((0, len(heatmaps), 3), np.float32)
    sums, counts = np.zeros((0, len(tags))), np.zeros(0)
    kernel = np.ones([options['nms_kernel']] * 2, np.uint8)
    for joint in options['keypoint_order'] or range(len(heatmaps)):
        heatmap = heatmaps[joint]
        is_peak = (heatmap == cv2.dilate(heatmap, kernel)) & (
            heatmap > options['threshold']
        )
        at = np.flatnonzero(is_peak)
        if not len(at):
            continue
        at = at[np.argsort(-heatmap.ravel()[at], kind='stable')][: options['topk']]
        found = np.column_stack([at % width, at // width, heatmap.ravel()[at]])
        labels = tags[:, joint].reshape(len(tags), -1)[:, at].T
        known = min(len(people), options['max_people'])
        means = sums[:known] / counts[:known, None]
        distances = np.linalg.norm(labels[:, None] - means, axis=2)
        # the last term breaks ties only
        costs = 100 * np.round(distances) - found[:, 2:] + 1e-8 * distances**2
        rows, owners = assign(costs)
        near = distances[rows, owners] < options['tag_threshold']
        rows, owners = rows[near], owners[near]
        people[owners, joint] = found[rows]
        sums[owners] += labels[rows]
        counts[owners] += 1
        new = np.setdiff1d(np.arange(len(at)), rows)
        others = np.zeros((len(new), len(heatmaps), 3), np.float32)
        others[:, joint] = found[new]
        people = np.concatenate([people, others])
        sums = np.concatenate([sums, labels[new]])
        counts = np.concatenate([counts, np.ones(len(new))])
    return people, sums / np.maximum(counts, 1)[:, None]


def assign(costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pair rows with columns of ``(R, C)`` so that the sum of the costs is the least.

    By shortest augmenting paths, as ``scipy.optimize.linear_sum_assignment``.

    Returns:
        The rows and the columns of ``min(R, C)`` pairs.
    """
    if costs.shape[0] > costs.shape[1]:
        columns, rows = assign(costs.T)
        return rows, columns
    rows, columns = costs.shape
    # row and column 0 stand for none
    u, v = np.zeros(rows + 1), np.zeros(columns + 1)
    owner, before = np.zeros(columns + 1, int), np.zeros(columns + 1, int)
    for row in range(1, rows + 1):
        owner[0], column = row, 0
        least, used = np.full(columns + 1, np.inf), np.zeros(columns + 1, bool)
        while owner[column]:
            used[column] = True
            slack = costs[owner[column] - 1] - u[owner[column]] - v[1:]
            shorter = np.flatnonzero(~used[1:] & (slack < least[1:])) + 1
            least[shorter], before[shorter] = slack[shorter - 1], column
            nearest = int(np.where(used, np.inf, least)[1:].argmin()) + 1
            step = least[nearest]
            u[owner[used]] += step
            v[used] -= step
            least[~used] -= step
            column = nearest
        while column:
            owner[column] = owner[before[column]]
            column = before[column]
    chosen = np.flatnonzero(owner[1:])
    return owner[1:][chosen] - 1, chosen


def _adjust(people: np.ndarray, heatmaps: np.ndarray) -> None:
    # to the middle of the pixel, and a quarter towards the higher neighbours
    height, width = heatmaps.shape[1:]
    person, joint = np.nonzero(people[..., 2] > 0)
    x, y = people[person, joint, :2].astype(int).T

    def at(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return heatmaps[joint, y.clip(0, height - 1), x.clip(0, width - 1)]

    people[person, joint, 0] += np.where(at(x + 1, y) > at(x - 1, y), 0.75, 0.25)
    people[person, joint, 1] += np.where(at(x, y + 1) > at(x, y - 1), 0.75, 0.25)


# ---------------------------------------------------------------------- detection


def _predict_objects(model: Model, facts: dict, image: np.ndarray) -> dict:
    height, width = image.shape[:2]
    resized, canvas = _fit(image, facts)
    size = np.array([resized.shape[:2]], np.float32)
    outputs = [it[0] for it in model(make_batch([canvas], facts), size)]
    factors = (size[0, 1] / width, size[0, 0] / height)
    threshold = facts['mask_threshold']
    found = select_objects(outputs, factors, (height, width), threshold)
    rows = zip(found['labels'], found['scores'], found['boxes'], strict=True)
    result: dict = dict(
        objects=[
            dict(name=facts['names'][label], score=float(score), box=box.tolist())
            for label, score, box in rows
        ]
    )
    if 'masks' in found:
        result['masks'] = found['masks']
        for it, mask in zip(result['objects'], found['masks'], strict=True):
            it['outlines'] = _outline(mask)
    return result | dict(picture=_draw_objects(image, facts, found))


def select_objects(
    outputs: list[np.ndarray],
    factors: tuple[float, float],
    size: tuple[int, int],
    threshold: float,
) -> dict[str, np.ndarray]:
    """Return the objects of an image in its pixels.

    Args:
        outputs: Boxes, ``(M, 4)``, scores and labels, ``(M,)``, and masks, ``(M, h,
            w)``, if there are any, of the resized image. A score of 0 marks no object.
        factors: By which the width and the height were resized.
        size: The height and width of the image.
        threshold: The probability from which a pixel belongs to a mask.

    Returns:
        ``boxes``, ``(N, 4)``, x1, y1, x2, y2, ``scores`` and ``labels``, ``(N,)``, and
        ``masks``, ``(N, H, W)``, bool.
    """
    number = int((outputs[1] > 0).sum())
    boxes, scores, labels, *shapes = (it[:number] for it in outputs)
    boxes = boxes / np.tile(np.array(factors, np.float32), 2)
    found = dict(boxes=boxes, scores=scores, labels=labels)
    for shape in shapes:
        found['masks'] = np.zeros((number, *size), bool)
        for mask, box, probabilities in zip(found['masks'], boxes, shape, strict=True):
            paste(mask, box, probabilities, threshold)
    return found


def _fit(image: np.ndarray, facts: dict) -> tuple[np.ndarray, np.ndarray]:
    # the resized image, and the same, padded to the input of the model
    height, width = image.shape[:2]
    w, h = facts['scale'] or (width, height)
    if facts['scale'] and facts['keep_ratio']:
        long, short = max(w, h), min(w, h)
        factor = min(long / max(width, height), short / min(width, height))
        w, h = int(width * factor + 0.5), int(height * factor + 0.5)
    multiple = facts['multiple']
    size = [-(-h // multiple) * multiple, -(-w // multiple) * multiple]
    if not facts['dynamic']:
        size = facts['size']
        factor = min(1, size[0] / h, size[1] / w)
        w, h = int(w * factor + 0.5), int(h * factor + 0.5)
    resized = cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR)
    canvas = np.zeros((*size, *image.shape[2:]), image.dtype)
    canvas[:h, :w] = resized
    return resized, canvas


def paste(mask: np.ndarray, box: np.ndarray, shape: np.ndarray, least: float) -> None:
    """Draw the mask of an object, bilinearly, where it is ``least`` or more.

    Args:
        mask: ``(H, W)``, bool, to draw on.
        box: x1, y1, x2, y2 in pixels.
        shape: The probability of each pixel over the area of the box, ``(h, w)``.
        least: See above.
    """
    weights, window = [], []
    for axis, length in enumerate(shape.shape):
        low, high = box[1 - axis], box[3 - axis]
        start = max(int(np.floor(low)) - 1, 0)
        stop = min(int(np.ceil(high)) + 1, mask.shape[axis])
        pixels = np.arange(start, stop) + 0.5
        cells = (pixels - low) / max(high - low, 1e-6) * length - 0.5
        # outside of the box the mask falls to 0 within a cell
        near = 1 - np.abs(cells[:, None] - np.arange(length))
        weights.append(np.maximum(near, 0).astype(np.float32))
        window.append(slice(start, stop))
    mask[tuple(window)] = weights[0] @ shape @ weights[1].T >= least


def _outline(mask: np.ndarray) -> list[list[int]]:
    rings, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    return [[int(value) for value in ring.ravel()] for ring in rings]


def _draw_objects(image: np.ndarray, facts: dict, found: dict) -> np.ndarray:
    picture = drawable(image)
    for index in reversed(np.flatnonzero(found['scores'] >= SHOWN)):  # best on top
        label, score = found['labels'][index], found['scores'][index]
        colour = facts['palette'][label][::-1]
        if 'masks' in found:
            covered = found['masks'][index]
            picture[covered] = picture[covered] // 2 + np.array(colour, np.uint8) // 2
        x1, y1, x2, y2 = np.rint(found['boxes'][index]).astype(int).tolist()
        cv2.rectangle(picture, (x1, y1), (x2, y2), colour, 2)
        text = f'{facts["names"][label]} {score:.0%}'
        cv2.putText(picture, text, (x1, y1 + 12), cv2.FONT_HERSHEY_PLAIN, 1, colour)
    return picture


# ------------------------------------------------------------------- segmentation


def _predict_segmentation(model: Model, facts: dict, image: np.ndarray) -> dict:
    height, width = image.shape[:2]
    size = (height, width) if facts['dynamic'] else facts['size']
    resized = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    (scores,) = model(make_batch([resized], facts))[0]
    labels = scores.argmax(0).astype(np.uint8)
    labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    colors = np.array(facts['palette'], np.uint8)[:, ::-1]
    picture = cv2.addWeighted(drawable(image), 0.5, colors[labels], 0.5, 0)
    shares = {
        name: float((labels == i).mean()) for i, name in enumerate(facts['names'])
    }
    return dict(shares=shares, picture=picture, labels=labels)


# -------------------------------------------------------------------------- depth


def _predict_depth(model: Model, facts: dict, image: np.ndarray) -> dict:
    height, width = image.shape[:2]
    size = (height, width) if facts['dynamic'] else facts['size']
    resized = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    ((depth,),) = model(make_batch([resized], facts))[0]
    depth = cv2.resize(depth, (width, height), interpolation=cv2.INTER_LINEAR)
    points = dict(nearest=depth.min(), median=np.median(depth), farthest=depth.max())
    # linear in the inverse depth, from a tenth of the largest one
    near, far = facts['max_depth'] / 10, facts['max_depth']
    shares = (1 / np.clip(depth, near, far) - 1 / far) / (1 / near - 1 / far)
    picture = cv2.applyColorMap((255 * shares).astype(np.uint8), cv2.COLORMAP_INFERNO)
    metres = {name: float(value) for name, value in points.items()}
    return dict(metres=metres, picture=picture, depth=depth)


# ----------------------------------------------------------------- classification


def _predict_classes(model: Model, facts: dict, image: np.ndarray) -> dict:
    height, width = facts['size']
    if facts['edge']:  # resize the shorter edge, then crop the center
        scale = facts['edge'] / min(image.shape[:2])
        big = [max(round(n * scale), facts['edge']) for n in image.shape[1::-1]]
        resized = cv2.resize(image, big)
        top, left = (resized.shape[0] - height) // 2, (resized.shape[1] - width) // 2
        resized = resized[top : top + height, left : left + width]
    else:
        resized = cv2.resize(image, (width, height))
    (scores,) = model(make_batch([resized], facts))[0]
    best = scores.argsort()[::-1][:5]
    return dict(classes={facts['names'][i]: float(scores[i]) for i in best})


# --------------------------------------------------------------------- sources


def sources(path: Path, facts: dict) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and the image of a file, of all in a folder or of all frames.

    Raises:
        ValueError: if there is no image, or one cannot be read.
    """
    if path.is_dir():
        found = [it for it in sorted(path.iterdir()) if it.suffix.lower() in IMAGES]
        if not found:
            raise ValueError(f'{path} holds no images ({" ".join(IMAGES)})')
        for it in found:
            yield str(it), read(it, facts)
    elif path.suffix.lower() in VIDEOS:
        yield from _frames(path, facts)
    else:
        yield str(path), read(path, facts)


def _frames(path: Path, facts: dict) -> Iterator[tuple[str, np.ndarray]]:
    if facts['channels'] not in (1, 3):
        raise ValueError(
            f'{path} is a video, and the model takes {facts["channels"]} channels'
        )
    video = cv2.VideoCapture(str(path))
    number = 0
    while (frame := video.read()[1]) is not None:
        if facts['channels'] == 1:
            frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        yield f'{path.with_suffix("")}_{number:06}', frame
        number += 1
    if not number:
        raise ValueError(f'{path} is no video')


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('sources', nargs='+', type=Path, metavar='SOURCE')
    parser.add_argument(
        '--box', nargs=4, type=float, metavar=('X', 'Y', 'WIDTH', 'HEIGHT')
    )
    parser.add_argument(
        '--bf16',
        action='store_true',
        help='compute in bfloat16, which is faster (.xml only)',
    )
    arguments = parser.parse_args()
    folder = Path(__file__).resolve().parent
    facts = json.loads((folder / 'model.json').read_text())
    model = load(_find_model(folder), arguments.bf16)
    try:
        for path in arguments.sources:
            for name, image in sources(path, facts):
                found = predict(model, facts, image, arguments.box)
                picture = found.pop('picture', None)
                depth = found.pop('depth', None)
                found = {
                    k: it for k, it in found.items() if k not in ('labels', 'masks')
                }
                if depth is not None:  # 16 bits, in 1/256 m as those of KITTI
                    found['depth'] = f'{Path(name).stem}_depth.png'
                    stored = np.rint(256 * depth).clip(0, 65535).astype(np.uint16)
                    cv2.imwrite(found['depth'], stored)
                if picture is not None:
                    found['picture'] = f'{Path(name).stem}_seen.png'
                    cv2.imwrite(found['picture'], picture)
                print(json.dumps(dict(image=name) | found))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
