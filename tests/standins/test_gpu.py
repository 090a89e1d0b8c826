"""Operators on a GPU equal those on the CPU, in float32, float16 and bfloat16."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from batches import detection_batch
from mmcv import ops
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')

BOXES = torch.tensor([[0.0, 0, 90, 70], [30, 20, 110, 120], [-40, 5, 200, 30]])
ROIS = torch.cat([torch.tensor([[0.0], [1], [1]]), BOXES], 1)
# Relative to the largest value; gradients of weights are sums of many rounded terms.
LARGEST_ERROR = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 6e-2}


class Attention(nn.Module):
    """Deformable attention: on a GPU mmcv calls its operator, on a CPU plain torch."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = ops.MultiScaleDeformableAttention(32, 4, 2, 2, dropout=0.0)
        nn.init.normal_(self.inner.sampling_offsets.weight, std=0.1)

    def forward(self, query: Tensor, reference: Tensor) -> Tensor:
        return self.inner(
            query,
            value=query,
            reference_points=reference,
            spatial_shapes=torch.tensor([[4, 5], [2, 3]], device=query.device),
            level_start_index=torch.tensor([0, 20], device=query.device),
        )


class Function(nn.Module):
    def __init__(self, run: Callable[..., Tensor]) -> None:
        super().__init__()
        self.run = run

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.run(*inputs)


def pooled(module: nn.Module, *more: Tensor) -> tuple[nn.Module, tuple[Tensor, ...]]:
    return module, (torch.randn(2, 8, 20, 24), ROIS, *more)


def convolved(module: nn.Module, *more: Tensor) -> tuple[nn.Module, tuple[Tensor, ...]]:
    return module, (torch.randn(2, 8, 9, 10), torch.randn(2, 36, 9, 10), *more)


# Each gives a module and its inputs.
OPERATORS: dict[str, Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]] = {
    'roi_align': lambda: pooled(ops.RoIAlign(7, 0.125, 0)),
    'roi_align max': lambda: pooled(ops.RoIAlign(7, 0.125, 2, 'max')),
    'roi_pool': lambda: pooled(ops.RoIPool(7, 0.125)),
    'deform_roi_pool': lambda: pooled(
        ops.DeformRoIPool(3, 0.125), torch.randn(3, 2, 3, 3)
    ),
    'deform_conv': lambda: convolved(
        ops.DeformConv2d(8, 6, 3, padding=1, deform_groups=2)
    ),
    'modulated_deform_conv': lambda: convolved(
        ops.ModulatedDeformConv2d(8, 6, 3, padding=1, deform_groups=2),
        torch.rand(2, 18, 9, 10),
    ),
    'carafe': lambda: (
        Function(lambda x, masks: ops.carafe(x, masks, 3, 2, 2)),
        (torch.randn(1, 8, 6, 5), torch.rand(1, 18, 12, 10)),
    ),
    'psamask': lambda: (ops.PSAMask('collect', (5, 5)), (torch.randn(2, 25, 6, 7),)),
    'sigmoid_focal_loss': lambda: (
        Function(lambda x, y: ops.sigmoid_focal_loss(x, y, 2.0, 0.25, None, 'none')),
        (torch.randn(20, 4), torch.arange(20) % 5),
    ),
    'softmax_focal_loss': lambda: (
        Function(lambda x, y: ops.softmax_focal_loss(x, y, 2.0, 0.25, None, 'sum')),
        (torch.randn(20, 4), torch.arange(20) % 4),
    ),
    'ms_deform_attn': lambda: (
        Attention(),
        (torch.randn(26, 2, 32), torch.rand(2, 26, 2, 2)),
    ),
}


def answer(
    name: str, device: str, dtype: torch.dtype, channels_last: bool = False
) -> list[Tensor]:
    """Output, and gradients of inputs and weights, as float32 on the CPU."""
    torch.manual_seed(0)
    module, inputs = OPERATORS[name]()
    module = module.to(device, dtype)
    placed = []
    for tensor in inputs:
        tensor = tensor.to(device)
        if tensor.is_floating_point() and tensor.shape != ROIS.shape:
            tensor = tensor.to(dtype)
            if channels_last and tensor.dim() == 4:
                tensor = tensor.to(memory_format=torch.channels_last)
            tensor.requires_grad_(tensor.dim() > 2 or 'focal' in name)
        placed.append(tensor)
    output = module(*placed)
    learning = [*(t for t in placed if t.requires_grad), *module.parameters()]
    factor = torch.linspace(-1, 1, output.numel()).view(output.shape).to(output)
    found = torch.autograd.grad((output * factor).sum(), learning)
    assert [grad.dtype for grad in found] == [tensor.dtype for tensor in learning]
    return [t.detach().float().cpu() for t in (output, *found)]


def check(ours: list[Tensor], theirs: list[Tensor], limit: float) -> None:
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert (a - b).abs().max() <= limit * b.abs().max()


@pytest.mark.parametrize('dtype', LARGEST_ERROR)
@pytest.mark.parametrize('name', OPERATORS)
def test_operators_answer_as_on_the_cpu(name, dtype):
    wanted = answer(name, 'cpu', dtype)
    check(answer(name, 'cuda', dtype), wanted, LARGEST_ERROR[dtype])


@pytest.mark.parametrize('name', OPERATORS)
def test_operators_take_any_memory_layout(name):
    wanted = answer(name, 'cpu', torch.float32)
    check(answer(name, 'cuda', torch.float32, channels_last=True), wanted, 1e-4)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('name', OPERATORS)
def test_operators_run_under_autocast(name, dtype):
    with torch.autocast('cuda', dtype):
        found = answer(name, 'cuda', torch.float32)
    check(found, answer(name, 'cpu', torch.float32), LARGEST_ERROR[dtype])


@pytest.mark.parametrize('dtype', LARGEST_ERROR)
@pytest.mark.parametrize(
    'call',
    [
        lambda b, s: ops.nms(b, s, 0.5),
        lambda b, s: ops.soft_nms(b, s, 0.3, method='linear'),
        lambda b, s: ops.batched_nms(
            b, s, torch.arange(len(s)).to(s.device) % 7, dict(iou_threshold=0.5)
        ),
    ],
    ids=['nms', 'soft_nms', 'batched_nms'],
)
@pytest.mark.parametrize('count', [1, 3000])
def test_the_same_boxes_are_kept(call, count, dtype):
    center, half = torch.rand(count, 2) * 900, torch.rand(count, 2) * 60 + 2
    boxes = torch.cat([center - half, center + half], 1)
    scores = torch.randperm(count) / count  # no two are equal
    if dtype != torch.float32:
        boxes, scores = boxes[:120].to(dtype), scores[:120]
        scores = (torch.randperm(len(scores)) / 128).to(dtype)
    wanted, kept = call(boxes, scores)
    found, on_gpu = call(boxes.cuda(), scores.cuda())
    assert on_gpu.device.type == 'cuda'
    assert torch.equal(on_gpu.cpu(), kept)
    assert torch.equal(found.cpu(), wanted)


def test_nms_match_on_a_gpu():
    boxes = torch.tensor([[0, 0, 9, 9, 0.5], [0, 0, 9, 8, 0.9], [50, 50, 60, 60, 0.7]])
    groups = [group.tolist() for group in ops.nms_match(boxes.cuda(), 0.5)]
    assert groups == [[1, 0], [2]]


def test_a_masked_convolution_on_a_gpu():
    conv = ops.MaskedConv2d(4, 6, 3, padding=1)
    x, mask = torch.randn(1, 4, 9, 11), torch.rand(1, 9, 11) - 0.5
    wanted = conv(x, mask)
    found = conv.cuda()(x.cuda(), mask.cuda()).cpu()
    assert torch.allclose(found, wanted, atol=1e-4)


# ------------------------------------------------------------------------ training


def losses(root, device: str, steps: int, dtype: torch.dtype | None) -> list[float]:
    """Total losses of Mask R-CNN W18; the samplers take all, so that none is drawn."""
    init_default_scope('mmdet')
    config = Config.fromfile(root / 'configs/det/mask-rcnn_hrnetv2p_w18_coco-1x.py')
    config.model.backbone.update(init_cfg=None, norm_eval=False, frozen_stages=-1)
    for part in (config.model.train_cfg.rpn, config.model.train_cfg.rcnn):
        part.sampler.num = 10**6
    config.model.train_cfg.rpn_proposal.update(nms_pre=200, max_per_img=100)
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    model.init_weights()
    model.to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    batch = detection_batch()
    found = []
    for _ in range(steps):
        data = model.data_preprocessor(batch, training=True)
        with torch.autocast('cuda', dtype, enabled=dtype is not None):
            total, _ = model.parse_losses(model(**data, mode='loss'))
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        found.append(total.item())
    return found


@pytest.mark.parametrize('dtype', [None, torch.float16, torch.bfloat16])
def test_mask_rcnn_learns_as_on_the_cpu(root, dtype):
    steps = 20
    wanted = torch.tensor(losses(root, 'cpu', steps, None))
    found = torch.tensor(losses(root, 'cuda', steps, dtype))
    difference = (found / wanted - 1).abs()
    print(torch.stack([wanted, found], 1))
    assert difference[0] <= (1e-4 if dtype is None else 0.02)
    assert difference.max() <= (0.02 if dtype is None else 0.1)
    assert wanted[-1] < wanted[0]
