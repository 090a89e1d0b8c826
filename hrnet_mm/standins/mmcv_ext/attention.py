"""Multi-scale deformable attention (Zhu et al., 2020)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ._common import widened, write_gradients


def ms_deform_attn_forward(
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Return the attended values, (N, queries, channels)."""
    inputs = widened(value, sampling_locations, attention_weights)
    return _attend(spatial_shapes)(*inputs).to(value.dtype)


def ms_deform_attn_backward(
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_locations: Tensor,
    grad_attention_weights: Tensor,
    im2col_step: int,
) -> None:
    """Write the gradients of the values, the locations and the weights."""
    inputs = widened(value, sampling_locations, attention_weights)
    outputs = (grad_value, grad_sampling_locations, grad_attention_weights)
    write_gradients(_attend(spatial_shapes), inputs, grad_output, outputs)


def _attend(spatial_shapes: Tensor) -> Callable[..., Tensor]:
    # imported here, because mmcv.ops imports this module
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    shapes = spatial_shapes.tolist()
    return lambda value, locations, weights: multi_scale_deformable_attn_pytorch(
        value, shapes, locations, weights
    )
