"""A log in MLflow."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from mmengine.visualization import MLflowVisBackend as StockMLflowVisBackend

from hrnet_mm.registry import VISBACKENDS


@VISBACKENDS.register_module()
class MLflowVisBackend(StockMLflowVisBackend):
    """MMEngine's backend for MLflow, with names that MLflow accepts.

    With the stock backend, the first validation ends the job: MLflow rejects the
    parentheses in ``coco/AP (M)``, and pictures whose names have no suffix.

    Args:
        save_dir: The folder of the log, which the visualizer sets.
        kwargs: Arguments of MMEngine's ``MLflowVisBackend``, such as ``tracking_uri``.
    """

    def add_image(
        self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any
    ) -> None:
        """Log a picture as ``NAME_STEP.png``."""
        super().add_image(f'{_accepted(name)}_{step}.png', image, step, **kwargs)

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Log a value."""
        super().add_scalar(_accepted(name), value, step, **kwargs)

    def add_scalars(
        self,
        scalar_dict: dict,
        step: int = 0,
        file_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Log the values of a step."""
        accepted = {_accepted(name): value for name, value in scalar_dict.items()}
        super().add_scalars(accepted, step, file_path, **kwargs)


def _accepted(name: str) -> str:
    return re.sub(r'[^\w\-. :/]', '', name)
