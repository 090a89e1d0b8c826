"""Focal losses (Lin et al., 2017) without reduction, and their gradients."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ._common import widened


def sigmoid_focal_loss_forward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    output: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Write the loss of each logit, (N, C); targets are (N,), with C for background."""
    logits, factor, _ = _signed_logits(input, target, weight, alpha)
    output.copy_(factor * torch.sigmoid(-logits) ** gamma * F.softplus(-logits))


def sigmoid_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Write the derivative of each loss with respect to its logit."""
    logits, factor, sign = _signed_logits(input, target, weight, alpha)
    wrong = torch.sigmoid(-logits)
    slope = gamma * (1 - wrong) * F.softplus(-logits) + wrong
    grad_input.copy_(-sign * factor * wrong**gamma * slope)


def _signed_logits(
    input: Tensor, target: Tensor, weight: Tensor, alpha: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the signed logits, the weight of each loss and the sign, all (N, C)."""
    (input,) = widened(input)
    classes = torch.arange(input.shape[1], device=input.device)
    positive = target[:, None] == classes
    factor = torch.where(positive, alpha, 1 - alpha).to(input)
    if weight.numel():  # one per class; background has a weight of 1
        factor = factor * F.pad(weight.to(input), (0, 1), value=1)[target, None]
    sign = torch.where(positive, 1.0, -1.0).to(input)
    return sign * input, factor, sign


def softmax_focal_loss_forward(
    softmax: Tensor,
    target: Tensor,
    weight: Tensor,
    output: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Write the loss of each sample; probabilities are (N, C), targets (N,)."""
    p, factor = _target_probabilities(softmax, target, weight, alpha)
    output.copy_(-factor * (1 - p) ** gamma * p.log())


def softmax_focal_loss_backward(
    softmax: Tensor,
    target: Tensor,
    weight: Tensor,
    buffer: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Write the derivative of the losses with respect to the logits, (N, C)."""
    p, factor = _target_probabilities(softmax, target, weight, alpha)
    slope = gamma * (1 - p) ** (gamma - 1) * p * p.log() - (1 - p) ** gamma
    classes = torch.arange(softmax.shape[1], device=softmax.device)
    positive = (target[:, None] == classes).to(p)
    grad_input.copy_((factor * slope)[:, None] * (positive - softmax))


def _target_probabilities(
    softmax: Tensor, target: Tensor, weight: Tensor, alpha: float
) -> tuple[Tensor, Tensor]:
    """Return the probability of each target and its weight, 0 if ignored."""
    (softmax,) = widened(softmax)
    index = target.clamp(min=0)
    factor = alpha * (target >= 0).to(softmax)
    if weight.numel():
        factor = factor * weight.to(softmax)[index]
    p = softmax.gather(1, index[:, None])[:, 0]
    return p.clamp(min=torch.finfo(torch.float32).tiny), factor
