"""Operators of mmcv, implemented with torch and torchvision, for mmcv-lite.

Replaces ``mmcv._ext``. The functions have the signatures of the compiled ones (mmcv
2.1, ``mmcv/ops/csrc/pytorch/pybind.cpp``). The autograd functions of ``mmcv.ops`` call
them, and most write their results to tensors in the arguments. They support all
devices, dtypes and memory layouts that torch and torchvision support, and compute
float16 and bfloat16 in float32.

Operators that are missing here can be imported; calling them raises
``NotImplementedError``.
"""

from typing import Any

import torch
import torchvision

from .attention import ms_deform_attn_backward, ms_deform_attn_forward
from .carafe import (
    carafe_backward,
    carafe_forward,
    carafe_naive_backward,
    carafe_naive_forward,
)
from .convolution import (
    deform_conv_backward_input,
    deform_conv_backward_parameters,
    deform_conv_forward,
    masked_col2im_forward,
    masked_im2col_forward,
    modulated_deform_conv_backward,
    modulated_deform_conv_forward,
)
from .focal_loss import (
    sigmoid_focal_loss_backward,
    sigmoid_focal_loss_forward,
    softmax_focal_loss_backward,
    softmax_focal_loss_forward,
)
from .nms import nms, nms_match, softnms
from .psamask import psamask_backward, psamask_forward
from .roi import (
    deform_roi_pool_backward,
    deform_roi_pool_forward,
    roi_align_backward,
    roi_align_forward,
    roi_pool_backward,
    roi_pool_forward,
)

__all__ = [
    'carafe_backward',
    'carafe_forward',
    'carafe_naive_backward',
    'carafe_naive_forward',
    'deform_conv_backward_input',
    'deform_conv_backward_parameters',
    'deform_conv_forward',
    'deform_roi_pool_backward',
    'deform_roi_pool_forward',
    'get_compiler_version',
    'get_compiling_cuda_version',
    'masked_col2im_forward',
    'masked_im2col_forward',
    'modulated_deform_conv_backward',
    'modulated_deform_conv_forward',
    'ms_deform_attn_backward',
    'ms_deform_attn_forward',
    'nms',
    'nms_match',
    'psamask_backward',
    'psamask_forward',
    'roi_align_backward',
    'roi_align_forward',
    'roi_pool_backward',
    'roi_pool_forward',
    'sigmoid_focal_loss_backward',
    'sigmoid_focal_loss_forward',
    'softmax_focal_loss_backward',
    'softmax_focal_loss_forward',
    'softnms',
]


def get_compiler_version() -> str:
    """Return the text that mmcv logs as its compiler."""
    return f'none: hrnet_mm on torchvision {torchvision.__version__}'


def get_compiling_cuda_version() -> str:
    """Return the CUDA version of torch, which is also that of torchvision."""
    return torch.version.cuda or 'not available'


def __getattr__(name: str) -> Any:
    if name.startswith('__'):
        raise AttributeError(name)

    def missing(*args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f'hrnet_mm has no replacement for the mmcv operator {name}, which '
            'needs mmcv with compiled operators. Install it: '
            'https://mmcv.readthedocs.io/en/latest/get_started/installation.html'
        )

    return missing
