"""Run an exported HRNet on images, without OpenMMLab.

    python run.py IMAGE...                       print predictions as JSON
    python run.py IMAGE --box X Y WIDTH HEIGHT   the box of a person (pose only)

Visualizations are written to the current folder. Needs numpy, opencv-python-headless,
and the runtime of the model: onnxruntime for .onnx, openvino for .xml, torch for .pt2.
The model and model.json must be in the folder of this file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

Model = Callable[[np.ndarray], np.ndarray]
SUFFIXES = ('.onnx', '.xml', '.pt2')


def load(path: Path, bf16: bool = False) -> Model:
    """Load an exported model.

    Args:
        path: The file of the model.
        bf16: Compute in bfloat16 if the processor supports it; .xml only.

    Returns:
        A function from images ``(N, C, H, W)``, float32, to float32 outputs.

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
        name = session.get_inputs()[0].name
        return lambda x: session.run(None, {name: x})[0]
    if path.suffix == '.xml':
        import openvino

        hint = {'INFERENCE_PRECISION_HINT': 'bf16' if bf16 else 'f32'}
        compiled = openvino.compile_model(str(path), 'CPU', hint)
        return lambda x: compiled(x)[0]
    if path.suffix == '.pt2':
        import torch

        module = torch.export.load(path).module()
        return lambda x: module(torch.from_numpy(x)).detach().numpy()
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
        ``joints``: x, y in pixels and score by keypoint; ``shares`` of the pixels by
        class, with ``labels`` ``(H, W)``; or ``classes``: probabilities of the best
        five. ``picture`` is the visualization of keypoints and labels.

    Raises:
        ValueError: if there is a box and the model is not a pose model.
    """
    if facts['task'] == 'pose':
        return _predict_pose(model, facts, image, box)
    if box is not None:
        raise ValueError(f'a box is for pose models only, and this is {facts["task"]}')
    task: Any = dict(
        segmentation=_predict_segmentation, classification=_predict_classes
    )
    return task[facts['task']](model, facts, image)


# --------------------------------------------------------------------------- pose


def _predict_pose(
    model: Model, facts: dict, image: np.ndarray, box: list[float] | None
) -> dict:
    x, y, width, height = box or [0, 0, image.shape[1], image.shape[0]]
    crop, to_image = _crop_person(image, facts, (x, y, width, height))
    (heatmaps,) = model(make_batch([crop], facts))
    cells, scores = find_peaks(heatmaps)
    if facts['refine'] == 'quarter':
        cells = refine_by_quarter(cells, heatmaps)
    else:
        refine = dict(dark=_refine_by_dark, udp=_refine_by_dark_udp)[facts['refine']]
        cells = refine(cells, heatmaps, facts['blur'])
    points = to_image(cells / (np.array(heatmaps.shape[:0:-1]) - facts['udp']))
    joints = {
        name: [*map(float, point), float(score)]
        for name, point, score in zip(facts['names'], points, scores, strict=True)
    }
    picture = drawable(image)
    for a, b in facts['links']:
        start, end = points[[a, b]].astype(int).tolist()
        cv2.line(picture, start, end, (0, 255, 0), 2)
    for point in points.astype(int).tolist():
        cv2.circle(picture, point, 3, (0, 0, 255), -1)
    return dict(joints=joints, picture=picture)


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


# ------------------------------------------------------------------- segmentation


def _predict_segmentation(model: Model, facts: dict, image: np.ndarray) -> dict:
    height, width = image.shape[:2]
    size = (height, width) if facts['dynamic'] else facts['size']
    resized = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    (scores,) = model(make_batch([resized], facts))
    labels = scores.argmax(0).astype(np.uint8)
    labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    colors = np.array(facts['palette'], np.uint8)[:, ::-1]
    picture = cv2.addWeighted(drawable(image), 0.5, colors[labels], 0.5, 0)
    shares = {
        name: float((labels == i).mean()) for i, name in enumerate(facts['names'])
    }
    return dict(shares=shares, picture=picture, labels=labels)


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
    (scores,) = model(make_batch([resized], facts))
    best = scores.argsort()[::-1][:5]
    return dict(classes={facts['names'][i]: float(scores[i]) for i in best})


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('images', nargs='+', type=Path)
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
    for path in arguments.images:
        try:
            image = read(path, facts)
        except ValueError as error:
            sys.exit(str(error))
        found = predict(model, facts, image, arguments.box)
        found.pop('labels', None)
        picture = found.pop('picture', None)
        if picture is not None:
            found['picture'] = f'{path.stem}_seen.png'
            cv2.imwrite(found['picture'], picture)
        print(json.dumps(dict(image=str(path)) | found))


if __name__ == '__main__':
    main()
