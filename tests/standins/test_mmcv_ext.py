"""Replacements of mmcv's operators equal recorded values and formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torchvision
from mmcv import ops
from torch.autograd import gradcheck
from torch.nn import functional as F

LARGEST_ERROR = 1e-5  # of the largest value


def boxes_and_scores(count: int, size: float = 300.0, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    center = torch.rand(count, 2, generator=generator) * size
    half = torch.rand(count, 2, generator=generator) * size * 0.15 + 2
    boxes = torch.cat([center - half, center + half], 1)
    return boxes, torch.rand(count, generator=generator)


def rois_of(boxes: torch.Tensor, images: int = 2) -> torch.Tensor:
    image = (torch.arange(len(boxes)) % images)[:, None].to(boxes)
    return torch.cat([image, boxes], 1)


@pytest.fixture(autouse=True)
def _ours() -> None:
    import mmcv._ext as ext

    if 'standins' not in str(ext.__file__):
        pytest.skip('mmcv is compiled here; HRNET_MM_OPS=torchvision takes ours')


def test_operators_answer_as_the_compiled_ones_did(shared_ops, tmp_path, run_python):
    """903 recorded cases of mmcv 2.1.0: indices exactly, values to 1e-5."""
    out = tmp_path / 'ours.pt'
    done = run_python(str(shared_ops / 'cases.py'), str(out), OMP_NUM_THREADS='1')
    assert done.returncode == 0, done.stderr[-3000:]
    theirs, ours = torch.load(shared_ops / 'compiled_mmcv.pt'), torch.load(out)
    assert len(theirs) == 903
    for name, expected in theirs.items():
        assert len(ours[name]) == len(expected), name
        for a, b in zip(expected, ours[name], strict=True):
            if not isinstance(a, torch.Tensor) or not a.is_floating_point():
                assert np.array_equal(a, b), name
                continue
            assert a.shape == b.shape, name
            if a.numel():
                assert (a - b).abs().max() <= LARGEST_ERROR * a.abs().max(), name


# ---------------------------------------------------------------------- boxes


@pytest.mark.parametrize('count', [0, 1])
@pytest.mark.parametrize('call', [ops.nms, ops.soft_nms])
def test_no_box_and_one_box(call, count):
    boxes, scores = boxes_and_scores(count)
    dets, kept = call(boxes, scores, 0.5)
    assert dets.shape == (count, 5)
    assert kept.tolist() == list(range(count))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('call', [ops.nms, ops.soft_nms])
def test_narrow_boxes_are_compared_in_float32(call, dtype):
    boxes, scores = (t.to(dtype) for t in boxes_and_scores(200))
    dets, kept = call(boxes, scores, 0.5)
    assert dets.dtype == dtype
    assert kept.tolist() == call(boxes.float(), scores.float(), 0.5)[1].tolist()


def test_nms_of_20000_boxes():
    boxes, scores = boxes_and_scores(20_000, size=3000)
    kept = ops.nms(boxes, scores, 0.5)[1]
    assert torch.equal(kept, torchvision.ops.nms(boxes, scores, 0.5))
    classes = torch.arange(20_000) % 80
    dets, kept = ops.batched_nms(boxes, scores, classes, dict(iou_threshold=0.5))
    assert set(kept.tolist()) == set(
        torchvision.ops.batched_nms(boxes, scores, classes, 0.5).tolist()
    )
    assert torch.equal(dets[:, 4], scores[kept])


def test_a_threshold_is_rounded_to_float32():
    """An overlap of exactly 3/5 is not above a threshold of 0.6."""
    boxes = torch.tensor([[0.0, 0.0, 4.0, 1.0], [1.0, 0.0, 5.0, 1.0]])
    assert len(ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.6)[1]) == 2
    assert len(ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.59)[1]) == 1


def test_soft_nms_takes_equal_scores_in_the_order_of_mmcv():
    """Recorded: mmcv fills the place of a dropped box with the last box."""
    boxes, scores = boxes_and_scores(20, size=100)
    scores = (scores * 3).ceil() / 3
    kept = ops.soft_nms(boxes, scores, 0.3, min_score=0.2, method='linear')[1]
    expected = [1, 2, 8, 10, 11, 12, 13, 16, 4, 5, 6, 17, 9, 3, 19, 15, 7, 0, 18]
    assert kept.tolist() == expected


@pytest.mark.parametrize('method', ['naive', 'linear', 'gaussian'])
def test_empty_boxes_keep_their_scores_in_soft_nms(method):
    boxes = torch.tensor([[5.0, 5, 5, 9]] * 2 + [[5.0, 5, 9, 9]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    dets, kept = ops.soft_nms(boxes, scores, 0.3, method=method)
    assert kept.tolist() == [0, 1, 2]
    assert torch.equal(dets[:, 4], scores)


def test_nms_match_groups_the_suppressed_with_the_kept():
    boxes = torch.tensor([[0, 0, 9, 9], [0, 0, 9, 8], [50, 50, 60, 60.0]])
    dets = torch.cat([boxes, torch.tensor([[0.5], [0.9], [0.7]])], 1)
    groups = [group.tolist() for group in ops.nms_match(dets, 0.5)]
    assert groups == [[1, 0], [2]]


# ----------------------------------------------------------- regions of interest


@pytest.mark.parametrize('mode', ['avg', 'max'])
@pytest.mark.parametrize('ratio', [0, 2])
def test_roi_align_on_any_memory_layout(mode, ratio):
    features = torch.randn(2, 5, 20, 30)
    rois = rois_of(boxes_and_scores(9, 200)[0])
    pool = ops.RoIAlign(7, 0.125, ratio, mode)
    last = features.to(memory_format=torch.channels_last)
    assert torch.equal(pool(features, rois), pool(last, rois))
    strided = torch.stack([features, features], -1)[..., 0]
    assert torch.equal(pool(features, rois), pool(strided, rois))


def test_roi_align_of_no_boxes_and_of_boxes_outside_the_image():
    features = torch.randn(1, 3, 8, 8, requires_grad=True)
    for mode in ('avg', 'max'):
        pool = ops.RoIAlign(2, 0.125, 0, mode)
        pooled = pool(features, torch.zeros(0, 5))
        assert pooled.shape == (0, 3, 2, 2)
        pooled.sum().backward()
        outside = torch.tensor([[0.0, 700, 700, 800, 800], [0, -90, -90, -50, -50]])
        assert pool(features, outside).abs().max() == 0
    assert features.grad.abs().max() == 0


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_roi_align_of_narrow_features_is_computed_in_float32(dtype):
    features = torch.randn(2, 5, 20, 30).to(dtype)
    rois = rois_of(boxes_and_scores(9, 200)[0])
    pool = ops.RoIAlign(7, 0.125, 0)
    pooled = pool(features, rois)
    assert pooled.dtype == dtype
    assert torch.equal(pooled, pool(features.float(), rois).to(dtype))


def test_rounded_rois_are_warned_of():
    features = torch.randn(1, 3, 8, 8).bfloat16()
    rois = torch.tensor([[0.0, 3, 3, 40, 40]]).bfloat16()
    with pytest.warns(UserWarning, match=r"type='hrnet_mm\.SingleRoIExtractor'"):
        ops.RoIAlign(2, 0.125, 0)(features, rois)


def test_roi_pool_takes_the_largest_pixel_of_each_bin():
    features = torch.randn(2, 3, 12, 17, requires_grad=True)
    rois = rois_of(boxes_and_scores(12, 130)[0])
    rois = torch.cat([rois, torch.tensor([[0.0, 500, 500, 600, 600], [1, 9, 9, 5, 5]])])
    scale, size = 0.125, 3
    pooled = ops.RoIPool(size, scale)(features, rois)
    expected = torch.zeros_like(pooled)
    for k, (image, x1, y1, x2, y2) in enumerate(rois.tolist()):
        left, top = x1 * scale, y1 * scale
        width, height = (x2 + 1) * scale - left, (y2 + 1) * scale - top
        for i in range(size):
            for j in range(size):
                rows, columns = (
                    slice(
                        min(max(math.floor(start + n * extent / size), 0), length),
                        min(max(math.ceil(start + (n + 1) * extent / size), 0), length),
                    )
                    for n, start, extent, length in (
                        (i, top, height, 12),
                        (j, left, width, 17),
                    )
                )
                pixels = features[int(image), :, rows, columns]
                if pixels.numel() and width > 0 and height > 0:
                    expected[k, :, i, j] = pixels.amax((1, 2))
    assert torch.equal(pooled, expected)
    weights = torch.randn_like(pooled)
    ours = torch.autograd.grad((pooled * weights).sum(), features)[0]
    theirs = torch.autograd.grad((expected * weights).sum(), features)[0]
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_deformable_pooling_without_offsets_is_roi_align():
    features = torch.randn(2, 3, 16, 16)
    rois = rois_of(boxes_and_scores(7, 128)[0])
    pooled = ops.DeformRoIPool(3, 0.125)(features, rois)
    assert torch.allclose(pooled, ops.RoIAlign(3, 0.125, 0)(features, rois), atol=1e-6)
    offset = torch.zeros(7, 2, 3, 3)
    assert torch.equal(pooled, ops.DeformRoIPool(3, 0.125)(features, rois, offset))


def test_offsets_shift_the_bins_of_deformable_pooling():
    """An offset of 1 / gamma shifts x by the width of the RoI."""
    features = torch.randn(1, 3, 16, 16)
    roi = torch.tensor([[0.0, 8, 16, 40, 64]])
    offset = torch.zeros(1, 2, 2, 2)
    offset[:, 0] = 10
    shifted = roi + torch.tensor([0, 32, 0, 32, 0])
    pool = ops.DeformRoIPool(2, 0.125, 2, gamma=0.1)
    assert torch.allclose(
        pool(features, roi, offset), pool(features, shifted), atol=1e-5
    )


# ------------------------------------------------------------------ convolutions


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('modulated', [False, True])
def test_deformable_convolutions_without_offsets_are_convolutions(modulated, dtype):
    x = torch.randn(2, 4, 9, 9)
    offset = torch.zeros(2, 18, 9, 9)
    if modulated:
        conv = ops.ModulatedDeformConv2d(4, 6, 3, padding=1)
        inputs = (x, offset, torch.ones(2, 9, 9, 9))
    else:
        conv = ops.DeformConv2d(4, 6, 3, padding=1)
        inputs = (x, offset)
    bias = conv.bias if modulated else None
    expected = F.conv2d(x, conv.weight, bias, padding=1)
    assert torch.allclose(conv(*inputs), expected, atol=1e-5)
    last = (x.to(memory_format=torch.channels_last), *inputs[1:])
    assert torch.allclose(conv(*last), expected, atol=1e-5)
    narrow = conv.to(dtype)(*(t.to(dtype) for t in inputs))
    assert narrow.dtype == dtype
    assert torch.allclose(narrow.float(), expected, atol=0.05)
    with torch.autocast('cpu', torch.bfloat16):
        assert conv.float()(*inputs).isfinite().all()


@pytest.mark.parametrize('whole', [True, False], ids=['whole-pixels', 'between'])
@pytest.mark.parametrize(
    ('stride', 'pad', 'dilation', 'groups', 'offset_groups'),
    [(1, 1, 1, 1, 1), (2, 1, 1, 2, 1), (1, 2, 2, 1, 3), ((1, 2), (0, 1), (2, 1), 6, 3)],
)
def test_deformable_convolutions_on_cpus_are_torchvision_s(
    whole, stride, pad, dilation, groups, offset_groups
):
    """Also the gradients at whole pixels, where DEKR starts, and outside the image.

    At exactly -1, torchvision's gradient of an offset is that of the first pixel. In
    mmcv it is 0, as here. Both are 0 if that pixel is 0.
    """
    generator = torch.Generator().manual_seed(0)
    image = F.pad(torch.randn(2, 6, 6, 10, generator=generator).double(), (1, 0, 1, 0))
    x, weight = image.requires_grad_(), double(6, 6 // groups, 3, 2)
    geometry = (stride, pad, dilation)
    h, w = F.conv2d(x, weight, None, *geometry, groups).shape[2:]
    shape = (2, offset_groups * 12, h, w)
    offset = torch.randint(-16, 17, shape, generator=generator).double()
    offset = (offset if whole else offset / 3).requires_grad_()
    mask = double(2, offset_groups * 6, h, w)
    bias = double(6)
    ours = [
        ops.deform_conv2d(x, offset, weight, *geometry, groups, offset_groups),
        ops.modulated_deform_conv2d(
            x, offset, mask, weight, bias, *geometry, groups, offset_groups
        ),
    ]
    theirs = [
        torchvision.ops.deform_conv2d(x, offset, weight, None, *geometry),
        torchvision.ops.deform_conv2d(x, offset, weight, bias, *geometry, mask),
    ]
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b)
        inputs = (x, offset, weight, mask, bias)
        found, expected = (
            torch.autograd.grad(y.sin().sum(), inputs, allow_unused=True)
            for y in (a, b)
        )
        for mine, wanted in zip(found, expected, strict=True):
            assert mine is wanted is None or torch.allclose(mine, wanted)


@pytest.mark.parametrize('modulated', [False, True])
def test_deformable_convolutions_on_any_memory_layout(modulated):
    x, weight, bias = double(3, 4, 5, 6), double(4, 2, 3, 3), double(4)
    offset, mask = double(3, 36, 5, 6), double(3, 18, 5, 6)
    sizes = (1, 1, 1, 2, 2)

    def convolve(x, offset, mask, weight):
        if modulated:
            return ops.modulated_deform_conv2d(x, offset, mask, weight, bias, *sizes)
        return ops.deform_conv2d(x, offset, weight, *sizes)

    inputs = (x, offset, mask, weight)
    expected = convolve(*inputs)
    last = [t.detach().contiguous(memory_format=torch.channels_last) for t in inputs]
    parts = [t.detach().repeat(1, 2, 1, 1)[:, : t.shape[1]] for t in inputs]
    for given in (last, parts):
        given = [t.requires_grad_() for t in given]
        assert not any(t.is_contiguous() for t in given)
        assert torch.allclose(convolve(*given), expected)
        used = [t for t in given if modulated or t.shape != mask.shape]
        found = torch.autograd.grad(convolve(*given).sin().sum(), used)
        wanted = [t for t in inputs if modulated or t.shape != mask.shape]
        for a, b in zip(
            found, torch.autograd.grad(expected.sin().sum(), wanted, retain_graph=True),
            strict=True,
        ):  # fmt: skip
            assert torch.allclose(a, b)


@pytest.mark.parametrize('shift', [math.inf, -math.inf, math.nan, 1e38])
def test_samples_at_no_place_are_0(shift):
    offset = torch.full((1, 2, 1, 1), shift, requires_grad=True)
    pixel = torch.ones(1, 1, 1, 1, requires_grad=True)
    output = ops.deform_conv2d(pixel, offset, torch.ones(1, 1, 1, 1))
    output.backward()
    assert output == pixel.grad == 0
    assert not offset.grad.any()


@pytest.mark.parametrize(('shift', 'gradient'), [(-1.0, 0), (-0.5, 1)])
def test_samples_one_pixel_before_the_image_have_no_gradient(shift, gradient):
    offset = torch.tensor([0, shift]).view(1, 2, 1, 1).requires_grad_()
    pixel = torch.ones(1, 1, 1, 1)
    ops.deform_conv2d(pixel, offset, pixel).backward()
    assert offset.grad[0, 1] == gradient


def test_offsets_of_a_larger_output_are_read_as_if_they_were_of_this_one():
    """As in mmcv, which does not check their size; DyHead does this."""
    conv = ops.ModulatedDeformConv2d(4, 6, 3, padding=1)
    x = torch.randn(2, 4, 4, 5)
    large = [torch.randn(2, n, 8, 10, requires_grad=True) for n in (18, 9)]
    fitting = [
        t.detach().flatten(1)[:, : n * 20].reshape(2, n, 4, 5).requires_grad_()
        for t, n in zip(large, (18, 9), strict=True)
    ]
    ours, theirs = conv(x, *large), conv(x, *fitting)
    assert torch.equal(ours, theirs)
    ours.square().sum().backward()
    theirs.square().sum().backward()
    for a, b in zip(large, fitting, strict=True):
        count = b[0].numel()
        assert torch.equal(a.grad.flatten(1)[:, :count], b.grad.flatten(1))
        assert a.grad.flatten(1)[:, count:].abs().max() == 0


def test_a_masked_convolution_is_a_convolution_where_the_mask_is_positive():
    x, mask = torch.randn(1, 4, 9, 11), torch.rand(1, 9, 11) - 0.5
    conv = ops.MaskedConv2d(4, 6, 3, padding=1)
    expected = F.conv2d(x, conv.weight, conv.bias, padding=1) * (mask > 0)
    assert torch.allclose(conv(x, mask), expected, atol=1e-5)


def test_carafe_is_a_weighted_mean_around_each_pixel():
    features = torch.randn(1, 4, 3, 5, requires_grad=True)
    masks = torch.rand(1, 9 * 2, 6, 10, requires_grad=True)
    output = ops.carafe(features, masks, 3, 2, 2)
    near = F.unfold(features, 3, padding=1).view(4, 9, 3, 5)
    near = near.repeat_interleave(2, 2).repeat_interleave(2, 3)
    weights = masks.view(2, 9, 6, 10).repeat_interleave(2, 0)
    expected = (near * weights).sum(1)[None]
    assert torch.allclose(output, expected, atol=1e-5)
    factor = torch.randn_like(output)
    ours = torch.autograd.grad((output * factor).sum(), (features, masks))
    theirs = torch.autograd.grad((expected * factor).sum(), (features, masks))
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize('kind', ['collect', 'distribute'])
def test_masks_of_psanet(kind):
    masks = torch.randn(1, 5 * 3, 3, 4, requires_grad=True)
    output = ops.PSAMask(kind, (5, 3))(masks)
    expected = torch.zeros(1, 12, 3, 4)
    for y, x, i, j in np.ndindex(3, 4, 5, 3):
        there_y, there_x = y + i - 2, x + j - 1
        if 0 <= there_y < 3 and 0 <= there_x < 4:
            here, there = (y, x), (there_y, there_x)
            source, (h, w) = (there, here) if kind == 'collect' else (here, there)
            channel = source[0] * 4 + source[1]
            expected[0, channel, h, w] = masks[0, i * 3 + j, y, x]
    assert torch.equal(output, expected)
    factor = torch.randn_like(output)
    ours = torch.autograd.grad((output * factor).sum(), masks)[0]
    theirs = torch.autograd.grad((expected * factor).sum(), masks)[0]
    assert torch.equal(ours, theirs)


# ------------------------------------------------------------------------ losses


@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('gamma', [0.0, 2.0])
def test_sigmoid_focal_loss(gamma, weighted):
    logits = (torch.randn(20, 4) * 5).requires_grad_()
    target = torch.arange(20) % 5  # 4 is background
    weight = torch.rand(4) if weighted else None
    loss = ops.sigmoid_focal_loss(logits, target, gamma, 0.25, weight, 'none')
    one_hot = F.one_hot(target, 5)[:, :4].float()
    right = torch.where(one_hot == 1, logits, -logits)
    wrong = torch.sigmoid(-right)
    factor = torch.where(one_hot == 1, 0.25, 0.75)
    expected = factor * wrong**gamma * -F.logsigmoid(right)
    if weight is not None:
        expected = expected * torch.cat([weight, torch.ones(1)])[target][:, None]
    assert torch.allclose(loss, expected, atol=1e-5)
    (ours,) = torch.autograd.grad(loss.sum(), logits)
    (theirs,) = torch.autograd.grad(expected.sum(), logits)
    assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize('weighted', [False, True])
def test_softmax_focal_loss(weighted):
    logits = torch.randn(20, 4, requires_grad=True)
    target = torch.arange(20) % 4
    weight = torch.rand(4) if weighted else None
    loss = ops.softmax_focal_loss(logits, target, 2.0, 0.25, weight, 'sum')
    p = logits.softmax(1)[torch.arange(20), target]
    factor = 1 if weight is None else weight[target]
    expected = (0.25 * factor * (1 - p) ** 2 * -p.log()).sum()
    assert torch.allclose(loss, expected)
    (ours,) = torch.autograd.grad(loss, logits)
    (theirs,) = torch.autograd.grad(expected, logits)
    assert torch.allclose(ours, theirs, atol=1e-5)


# --------------------------------------------------------------------- gradients


def double(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.double, requires_grad=True)


@pytest.mark.parametrize(
    'pool',
    [
        ops.RoIAlign(2, 0.125, 0),
        ops.RoIAlign(2, 0.125, 0, 'max'),
        ops.RoIPool(2, 0.125),
    ],
    ids=['mean', 'max', 'pool'],
)
def test_gradients_of_pooling(pool):
    rois = rois_of(boxes_and_scores(3, 50)[0].double())
    assert gradcheck(lambda x: pool(x, rois), double(2, 2, 6, 7))


def test_gradients_of_deformable_pooling():
    rois = rois_of(boxes_and_scores(3, 50)[0].double())
    pool = ops.DeformRoIPool(2, 0.125)
    offset = double(3, 2, 2, 2)
    assert gradcheck(lambda x, o: pool(x, rois, o), (double(2, 2, 6, 7), offset))


def test_gradients_of_deformable_convolutions():
    x, weight, bias = double(2, 4, 5, 6), double(4, 2, 3, 3), double(4)
    offset, mask = double(2, 36, 5, 6), double(2, 18, 5, 6)
    sizes = (1, 1, 1, 2, 2)
    assert gradcheck(ops.deform_conv2d, (x, offset, weight, *sizes))
    assert gradcheck(
        ops.modulated_deform_conv2d, (x, offset, mask, weight, bias, *sizes)
    )


def test_gradients_of_attention_as_a_gpu_computes_them():
    """On a CPU mmcv calls its plain function; the stand-in gives the same."""
    from mmcv.ops.multi_scale_deform_attn import (
        MultiScaleDeformableAttnFunction,
        multi_scale_deformable_attn_pytorch,
    )

    shapes = torch.tensor([[4, 5], [2, 3]])
    start = torch.tensor([0, 20])
    value, places = double(2, 26, 2, 3), double(2, 4, 2, 2, 3, 2)
    weights = double(2, 4, 2, 2, 3)
    ours = MultiScaleDeformableAttnFunction.apply(
        value, shapes, start, places, weights, 64
    )
    theirs = multi_scale_deformable_attn_pytorch(value, shapes, places, weights)
    assert torch.equal(ours, theirs)
    grad = torch.randn_like(ours)
    inputs = (value, places, weights)
    for a, b in zip(
        torch.autograd.grad(ours, inputs, grad),
        torch.autograd.grad(theirs, inputs, grad),
        strict=True,
    ):
        assert torch.allclose(a, b)


# ------------------------------------------------------------------------- others


def test_an_operator_that_is_not_there_says_so_when_it_is_called():
    with pytest.raises(NotImplementedError, match='needs mmcv with compiled operators'):
        ops.PrRoIPool(2)(torch.randn(1, 2, 5, 5), torch.tensor([[0, 1, 1, 4, 4.0]]))


def test_deterministic_mode_is_put_back(monkeypatch):
    """Kernels of torchvision that are not deterministic warn, as long as they run."""
    from hrnet_mm.standins.mmcv_ext._common import warn_where_not_deterministic

    torch.use_deterministic_algorithms(True)
    try:
        with warn_where_not_deterministic():
            assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
