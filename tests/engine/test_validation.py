from types import SimpleNamespace

import pytest
import torch

from hrnet_mm.engine import ValidationPrecisionHook
from hrnet_mm.models import HRNet


def runner_with(**changes):
    trunk = HRNet('w18_small_v1', deploy_cfg=dict(dtype='float32'), **changes)
    return SimpleNamespace(model=torch.nn.ModuleDict(dict(backbone=trunk)))


@pytest.mark.parametrize('precision', ['bfloat16', 'float32'])
def test_validations_compute_in_the_dtype_of_training(precision):
    runner, hook = runner_with(precision=precision), ValidationPrecisionHook()
    copy = runner.model['backbone'].deployed
    for _ in range(2):
        hook.before_val(runner)
        assert copy.dtype == getattr(torch, precision)
        hook.after_val(runner)
        assert copy.dtype == torch.float32


def test_a_copy_of_another_dtype_is_made_anew():
    runner, hook = runner_with(precision='bfloat16'), ValidationPrecisionHook()
    trunk = runner.model['backbone'].eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        exact = trunk(x)[0]
        hook.before_val(runner)
        rounded = trunk(x)[0]
        hook.after_val(runner)
        again = trunk(x)[0]
    assert torch.equal(exact, again)
    assert rounded.dtype == torch.float32
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        assert not torch.equal(exact, rounded)


def test_trunks_without_a_copy_are_left_alone():
    trunk = HRNet('w18_small_v1', precision='bfloat16')
    hook = ValidationPrecisionHook()
    hook.before_val(SimpleNamespace(model=trunk))
    assert trunk.deployed is None
