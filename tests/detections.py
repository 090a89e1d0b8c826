"""Objects of several classes, and what a detector may find of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pycocotools import mask

SIZE = (480, 640)


def draw_objects(
    images: int = 30,
    classes: int = 5,
    found: tuple[int, int] = (20, 120),
    seed: int = 0,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the content of a COCO file, and the samples that a detector returns."""
    rng = np.random.default_rng(seed)
    content: dict[str, Any] = dict(
        images=[
            dict(id=3 * i + 1, file_name=f'{i}.png', height=SIZE[0], width=SIZE[1])
            for i in range(images)
        ],
        categories=[dict(id=2 * i + 1, name=f'class {i}') for i in range(classes)],
        annotations=[],
    )
    samples = []
    for image in content['images']:
        boxes = _boxes(rng, rng.poisson(7))
        labels = rng.integers(0, classes, len(boxes))
        for box, label in zip(boxes, labels, strict=True):
            x1, y1, x2, y2 = box.tolist()
            content['annotations'].append(
                dict(
                    id=len(content['annotations']) + 1,
                    image_id=image['id'],
                    category_id=2 * int(label) + 1,
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    area=(x2 - x1) * (y2 - y1) * rng.uniform(0.4, 1),
                    iscrowd=int(rng.random() < 0.1),
                    segmentation=[[x1, y1, x2, y1, x2, y2, x1, y2]],
                )
            )
        number = int(rng.integers(*found))
        near = rng.integers(0, max(1, len(boxes)), number // 2) if len(boxes) else []
        seen = boxes[near] + rng.normal(0, 6, (len(near), 4))
        seen = np.concatenate([seen, _boxes(rng, number - len(near))])
        seen[:, 2:] = np.maximum(seen[:, 2:], seen[:, :2] + 2)
        said = np.concatenate([labels[near], rng.integers(0, classes, number)])
        samples.append(
            dict(
                img_id=image['id'],
                ori_shape=SIZE,
                pred_instances=dict(
                    bboxes=torch.tensor(seen, dtype=torch.float32),
                    scores=torch.tensor(rng.random(number).round(1)),  # many ties
                    labels=torch.tensor(said[:number].astype(int)),
                ),
            )
        )
    return content, samples


def with_masks(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the masks of the boxes, as run lengths."""
    for sample in samples:
        found = sample['pred_instances']
        masks = np.zeros((*SIZE, len(found['bboxes'])), np.uint8, order='F')
        for i, box in enumerate(found['bboxes'].numpy()):
            x1, y1, x2, y2 = box.clip(0).astype(int)
            masks[y1:y2, x1:x2, i] = 1
        found['masks'] = mask.encode(masks)
    return samples


def _boxes(rng: np.random.Generator, number: int) -> np.ndarray:
    sizes = np.exp(rng.uniform(2, 5, (number, 2)))
    corners = rng.uniform(0, 320, (number, 2))
    return np.concatenate([corners, corners + sizes], axis=1)
