"""Faces of the kind of WIDER FACE, and what a detector may find of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy.io import savemat

SUBSETS = ('easy', 'medium', 'hard')


class Drawn:
    """Faces of WIDER FACE's kind, and detections of them.

    Some images have no face, no face that counts, or no detection. Several detections
    hit one face, and one lies between two faces.
    """

    def __init__(self, seed: int, events: int = 3, images: int = 5) -> None:
        rng = np.random.default_rng(seed)
        self.faces: dict[tuple[str, str], np.ndarray] = {}
        self.found: dict[tuple[str, str], np.ndarray] = {}
        self.kept: dict[str, dict[tuple[str, str], np.ndarray]] = {}
        for event in range(events):
            for image in range(images):
                key = (f'{event}--Event', f'{event}_Event_{image}.1')
                number = int(rng.integers(0, 9))
                corners = rng.integers(0, 300, (number, 2))
                self.faces[key] = np.hstack([corners, rng.integers(4, 90, (number, 2))])
                self.found[key] = self._detect(rng, self.faces[key])
        for share, name in zip((0.3, 0.6, 0.9), SUBSETS, strict=True):
            self.kept[name] = {
                key: np.flatnonzero(rng.random(len(faces)) < share) + 1
                for key, faces in self.faces.items()
            }

    def write_data(self, folder: Path) -> Path:
        """Write images of noise, and their faces as training and validation data."""
        lines = []
        for (event, name), faces in self.faces.items():
            lines += [f'{event}/{name}.jpg', str(len(faces))]
            lines += [' '.join(map(str, [*box, *[0] * 6])) + ' ' for box in faces]
            lines += [] if len(faces) else [' '.join('0' * 10)]
        (folder / 'wider_face_split').mkdir(parents=True)
        rng = np.random.default_rng(0)
        for split in ('train', 'val'):
            file = f'wider_face_split/wider_face_{split}_bbx_gt.txt'
            (folder / file).write_text('\n'.join(lines))
            for event, name in self.faces:
                path = folder / f'WIDER_{split}/images/{event}/{name}.jpg'
                path.parent.mkdir(parents=True, exist_ok=True)
                noise = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
                Image.fromarray(noise).save(path)
        self.write(folder / 'eval_tools/ground_truth')
        return folder

    @staticmethod
    def _detect(rng: np.random.Generator, faces: np.ndarray) -> np.ndarray:
        # x, y, width, height, score: best first
        near = faces[rng.integers(0, len(faces), 2 * len(faces))] if len(faces) else []
        near = np.reshape(near, (-1, 4)) + rng.normal(0, 3, (len(near), 4))
        others = rng.uniform(5, 250, (rng.integers(0, 6), 4))
        boxes = np.concatenate([near, others]).clip(1)
        scores = rng.choice(np.linspace(0.02, 0.97, 400), len(boxes), replace=False)
        return np.column_stack([boxes, np.sort(scores)[::-1]]).round(6)

    def write(self, folder: Path) -> Path:
        """Write the four files of eval_tools.zip."""
        events = sorted({event for event, _ in self.faces})

        def cells(values: list[Any]) -> np.ndarray:
            found = np.empty((len(values), 1), dtype=object)
            for i, value in enumerate(values):
                found[i, 0] = value
            return found

        def by_event(values: dict[tuple[str, str], Any]) -> np.ndarray:
            return cells(
                [cells([v for k, v in values.items() if k[0] == e]) for e in events]
            )

        folder.mkdir(parents=True, exist_ok=True)
        savemat(
            folder / 'wider_face_val.mat',
            dict(
                event_list=cells(events),
                file_list=by_event({key: key[1] for key in self.faces}),
                face_bbx_list=by_event(self.faces),
            ),
        )
        for name, kept in self.kept.items():
            columns = {key: numbers[:, None] for key, numbers in kept.items()}
            content = dict(gt_list=by_event(columns))
            savemat(folder / f'wider_{name}_val.mat', content)
        return folder

    def samples(self) -> list[dict[str, Any]]:
        """Return the detections as MMDetection does, in any order."""
        samples = []
        for (event, name), found in self.found.items():
            x, y, width, height, score = torch.tensor(found).flip(0).T
            boxes = torch.stack([x, y, x + width, y + height], dim=1)
            objects = dict(bboxes=boxes, scores=score, labels=torch.zeros(len(found)))
            path = f'WIDER_val/images/{event}/{name}.jpg'
            samples.append(
                dict(pred_instances=objects, img_path=path, img_shape=(480, 640))
            )
        return samples
