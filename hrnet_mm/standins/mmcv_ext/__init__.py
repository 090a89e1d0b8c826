"""mmcv's operators for mmcv-lite: on torchvision's kernels, or in plain torch.

Stands in for ``mmcv._ext``. The functions have the signatures of the compiled ones
(mmcv 2.1, ``mmcv/ops/csrc/pytorch/pybind.cpp``): the autograd functions of ``mmcv.ops``
call them, and most write into tensors they are given. They run on every device, dtype
and memory layout that torch and torchvision run on. float16 and bfloat16 are computed
in float32.

An operator that is not here can be imported, and raises ``NotImplementedError`` when it
is called.
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
    """Return what mmcv logs as its compiler."""
    return f'none: hrnet_mm on torchvision {torchvision.__version__}'


def get_compiling_cuda_version() -> str:
    """Return the CUDA version of torch, which torchvision is built for, too."""
    return torch.version.cuda or 'not available'


def __getattr__(name: str) -> Any:
    if name.startswith('__'):
        raise AttributeError(name)

    def missing(*args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f'the operator {name} of mmcv is not among those that hrnet_mm computes '
            'without a compiled mmcv; it needs mmcv with compiled operators: '
            'https://mmcv.readthedocs.io/en/latest/get_started/installation.html'
        )

    return missing
