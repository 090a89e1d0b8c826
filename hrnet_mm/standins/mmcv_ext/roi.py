"""Pooling of regions of interest: RoIAlign, RoIPool and deformable RoI pooling.

RoIs are (K, 5): image index, x1, y1, x2, y2 in pixels of the input image.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from ._common import warn_where_not_deterministic, widened

# Maximum number of sampled values at a time: 64 MB in float32.
CHUNK = 2**24


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Write the pooled features, (K, C, aligned_height, aligned_width).

    `pool_mode` 1 takes the mean of the samples in each bin, 0 their maximum, and writes
    its location to `argmax_y` and `argmax_x`.
    """
    _warn_about_rounding(rois)
    input, rois = widened(input, rois)
    size = (aligned_height, aligned_width)
    if pool_mode == 1:
        at = (spatial_scale, *size, sampling_ratio, aligned)
        output.copy_(torch.ops.torchvision.roi_align(input, rois, *at))
        return
    for index, y, x in _samples(
        rois, size, spatial_scale, sampling_ratio, aligned, input.shape[1]
    ):
        values = _bilinear(input, rois[index, 0], y, x).flatten(3, 4)
        maximum, best = values.max(3)  # (n, height, width, C)
        output[index] = maximum.movedim(-1, 1).to(output.dtype)
        points = torch.broadcast_tensors(y, x)
        for argmax, coordinate in zip((argmax_y, argmax_x), points, strict=True):
            at_best = coordinate.flatten(3).gather(3, best)
            argmax[index] = at_best.movedim(-1, 1).to(argmax.dtype)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Write the gradient of the input."""
    grad_output, rois, argmax_y, argmax_x = widened(
        grad_output, rois, argmax_y, argmax_x
    )
    if pool_mode == 1:
        at = (spatial_scale, aligned_height, aligned_width, *grad_input.shape)
        with warn_where_not_deterministic():
            found = torch.ops.torchvision._roi_align_backward(
                grad_output, rois, *at, sampling_ratio, aligned
            )
        grad_input.copy_(found)
        return
    images, channels, height, width = grad_input.shape
    found = grad_output.new_zeros(images * channels * height * width)
    channel = torch.arange(channels, device=rois.device)[:, None, None]
    plane = (rois[:, 0].long()[:, None, None, None] * channels + channel) * height
    for y, x, weight in _corners(argmax_y, argmax_x, height, width):
        pixel = ((plane + y) * width + x).expand_as(grad_output)
        found.index_add_(0, pixel.flatten(), (grad_output * weight).flatten())
    grad_input.copy_(found.view_as(grad_input))


def roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Write the maximum of each bin and its location (Girshick, 2015).

    Bins are rounded as in mmcv (``roi_pool_cuda_kernel.cuh``), which differs from
    torchvision. A bin without pixels is 0, and its location -1.
    """
    _warn_about_rounding(rois)
    input, rois = widened(input, rois)
    height, width = input.shape[2:]
    output.zero_()
    argmax.fill_(-1)
    corners = torch.cat([rois[:, 1:3], rois[:, 3:] + 1], 1) * spatial_scale
    x1, y1, x2, y2 = corners.unbind(1)
    rows = _bins(y1, y2, pooled_height, height)
    columns = _bins(x1, x2, pooled_width, width)
    valid = ((x2 > x1) & (y2 > y1)).tolist()
    for k, image in enumerate(rois[:, 0].long().tolist()):
        if not valid[k]:
            continue
        for j, (left, right) in enumerate(columns[k]):
            if left >= right:
                continue
            values, at_x = input[image, :, :, left:right].max(2)
            for i, (top, bottom) in enumerate(rows[k]):
                if top >= bottom:
                    continue
                maximum, at_y = values[:, top:bottom].max(1)
                at_y = at_y + top
                at = at_y * width + at_x.gather(1, at_y[:, None])[:, 0] + left
                output[k, :, i, j] = maximum.to(output.dtype)
                argmax[k, :, i, j] = at.to(argmax.dtype)


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Write the gradient of the input."""
    (values,) = widened(grad_output)
    images, channels, height, width = grad_input.shape
    found = values.new_zeros(images * channels * height * width)
    channel = torch.arange(channels, device=rois.device)[:, None, None]
    plane = rois[:, 0].long()[:, None, None, None] * channels + channel
    at = plane * height * width + argmax
    pooled = argmax >= 0
    found.index_add_(0, at[pooled], values[pooled])
    grad_input.copy_(found.view_as(grad_input))


def deform_roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    offset: Tensor,
    output: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    gamma: float,
) -> None:
    """Write the means of shifted bins (Dai et al., 2017).

    `offset` is empty or (K, 2, pooled_height, pooled_width), x first, relative to the
    size of the RoI times `gamma`.
    """
    _warn_about_rounding(rois)
    input, rois, offset = widened(input, rois, offset)
    size = (pooled_height, pooled_width)
    at = (size, spatial_scale, sampling_ratio, True, input.shape[1])
    output.zero_()
    for index, y, x in _samples(rois, *at):
        pooled = _pool_shifted(
            input, rois[index], y, x, offset[index] if offset.numel() else None,
            gamma * spatial_scale,
        )  # fmt: skip
        output[index] = pooled.to(output.dtype)


def deform_roi_pool_backward(
    grad_output: Tensor,
    input: Tensor,
    rois: Tensor,
    offset: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    gamma: float,
) -> None:
    """Write the gradients of the input and of the offsets."""
    grad_output, input, rois, offset = widened(grad_output, input, rois, offset)
    size = (pooled_height, pooled_width)
    at = (size, spatial_scale, sampling_ratio, True, input.shape[1])
    for index, y, x in _samples(rois, *at):
        with torch.enable_grad():
            features = input.detach().requires_grad_()
            inputs = [features]
            shifts = None
            if offset.numel():
                shifts = offset[index].detach().requires_grad_()
                inputs.append(shifts)
            pooled = _pool_shifted(
                features, rois[index], y, x, shifts, gamma * spatial_scale
            )
            found = torch.autograd.grad(pooled, inputs, grad_output[index])
        grad_input.add_(found[0])
        if offset.numel():
            grad_offset[index] = found[1].to(grad_offset.dtype)


def _pool_shifted(
    input: Tensor,
    rois: Tensor,
    y: Tensor,
    x: Tensor,
    offset: Tensor | None,
    scale: float,
) -> Tensor:
    if offset is not None:
        extent = (rois[:, 3:] - rois[:, 1:3])[:, :, None, None] * scale
        shift_x, shift_y = (offset * extent)[..., None, None].unbind(1)
        y, x = y + shift_y, x + shift_x
    return _bilinear(input, rois[:, 0], y, x).mean((3, 4)).movedim(-1, 1)


def _bins(low: Tensor, high: Tensor, count: int, length: int) -> list:
    # start and end, exclusive, of each bin of each RoI: (K, count, 2)
    size = ((high - low) / count)[:, None]
    number = torch.arange(count, device=low.device)
    start = (number * size + low[:, None]).floor()
    end = ((number + 1) * size + low[:, None]).ceil()
    return torch.stack([start, end], 2).clamp(0, length).long().tolist()


def _samples(
    rois: Tensor,
    size: tuple[int, int],
    scale: float,
    ratio: int,
    aligned: bool,
    channels: int,
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    # Yields RoIs with equal numbers of samples together: the indices of n RoIs, y of
    # their samples, (n, height, 1, samples, 1), and x, (n, 1, width, 1, samples). Skips
    # RoIs without samples.
    x1, y1, x2, y2 = (rois[:, 1:] * scale - (0.5 if aligned else 0)).unbind(1)
    extents = torch.stack([y2 - y1, x2 - x1], 1)
    if not aligned:
        extents = extents.clamp(min=1)
    bins = extents / extents.new_tensor(size)
    counts = torch.full_like(bins, ratio) if ratio > 0 else bins.ceil()
    for rows, columns in counts.unique(dim=0).long().tolist():
        if rows <= 0 or columns <= 0:
            continue
        same = (counts == counts.new_tensor([rows, columns])).all(1).nonzero()[:, 0]
        samples = size[0] * size[1] * rows * columns * channels
        for index in same.split(max(CHUNK // samples, 1)):
            y = _line(y1[index], bins[index, 0], size[0], rows)
            x = _line(x1[index], bins[index, 1], size[1], columns)
            yield index, y[:, :, None, :, None], x[:, None, :, None, :]


def _line(start: Tensor, step: Tensor, bins: int, samples: int) -> Tensor:
    # coordinates of the samples along one axis: (n, bins, samples)
    start, step = start[:, None, None], step[:, None, None]
    index = torch.arange(bins, device=start.device)[:, None]
    within = torch.arange(samples, device=start.device) + 0.5
    return start + index * step + within * step / samples


def _bilinear(input: Tensor, images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    # y and x broadcast to (n, ...); returns (n, ..., C)
    image = images.long().view(-1, *[1] * (y.dim() - 1))
    values: Tensor | float = 0.0
    channels_last = input.movedim(1, -1)
    for row, column, weight in _corners(y, x, *input.shape[2:]):
        values = values + channels_last[image, row, column] * weight[..., None]
    return values  # type: ignore[return-value]


def _corners(
    y: Tensor, x: Tensor, height: int, width: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    # Yields row, column and weight of the four pixels around each point. As in mmcv,
    # points more than one pixel outside have weight 0, and others outside are moved to
    # the border.
    inside = (y >= -1) & (y <= height) & (x >= -1) & (x <= width)
    y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    top, left = y.detach().floor(), x.detach().floor()
    for row, down in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, right in ((left, 1 - (x - left)), (left + 1, x - left)):
            yield (
                row.clamp(max=height - 1).long(),
                column.clamp(max=width - 1).long(),
                down * right * inside,
            )


def _warn_about_rounding(rois: Tensor) -> None:
    if rois.dtype == torch.bfloat16:
        warnings.warn(
            'RoIs in bfloat16 are rounded by up to 2 pixels at x = 350 and 8 pixels at '
            "x = 1333: use type='hrnet_mm.SingleRoIExtractor', which keeps float32",
            stacklevel=2,
        )
