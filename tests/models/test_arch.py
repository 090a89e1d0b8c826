"""Sizes of the published architectures, and what `extra` may say."""

import pytest
import torch

from hrnet_mm.models import ARCHS, HRNet
from hrnet_mm.models.arch import read_extra

# counted on the official code (HRNet-Image-Classification and the pose repository);
# V2 = all streams, V1 = stream 0 only
TRUNK_PARAMETERS = {
    'w18_small_v1': (1_477_920, 1_284_672),
    'w18_small_v2': (3_860_720, 3_616_352),
    'w18': (9_562_260, 9_317_892),
    'w30': (25_812_276, 25_135_356),
    'w32': (29_305_536, 28_535_552),
    'w40': (45_521_216, 44_319_056),
    'w44': (54_974_640, 53_520_440),
    'w48': (65_325_120, 63_594_912),
    'w64': (115_697_600, 112_623_680),
}
STATE_DICT_ENTRIES = {'w18_small_v1': 426, 'w18_small_v2': 864}  # the others: 1830


def on_meta(*args, **kwargs) -> HRNet:
    with torch.device('meta'):
        return HRNet(*args, **kwargs)


def count(model) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_nine_published_archs_and_an_alias_are_there():
    assert set(ARCHS) == {*TRUNK_PARAMETERS, 'w18s'}
    assert ARCHS['w18s'] is ARCHS['w18_small_v2']


@pytest.mark.parametrize('arch', TRUNK_PARAMETERS)
def test_parameters_are_the_published_ones(arch):
    v2, v1 = TRUNK_PARAMETERS[arch]
    model = on_meta(arch)
    assert count(model) == v2
    assert len(model.state_dict()) == STATE_DICT_ENTRIES.get(arch, 1830)
    assert count(on_meta(arch, multiscale_output=False)) == v1


def test_extra_builds_what_its_name_does(extra_of):
    named, spelled = on_meta('w32'), on_meta(extra=extra_of('w32'))
    shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (named, spelled)]
    assert shapes[0] == shapes[1]


def test_any_width_and_block_works(extra_of):
    extra = extra_of('w18', stage3=dict(block='BOTTLENECK', num_blocks=[1, 2, 1]))
    extra['stage4']['num_channels'] = [8, 16, 32, 64]
    model = HRNet(extra=extra)
    streams = model(torch.rand(2, 3, 64, 64))
    assert [x.shape[1] for x in streams] == list(model.out_channels) == [8, 16, 32, 64]


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (dict(stage2=dict(num_branches=3)), ["extra['stage2']", 'num_branches']),
        (dict(stage2=dict(num_blocks=(4,))), ["extra['stage2']", '2 values']),
        (dict(stage3=dict(block='RESNEXT')), ["extra['stage3']", 'RESNEXT', 'BASIC']),
        (dict(stage4=dict(num_modules=0)), ["extra['stage4']", 'positive']),
        (
            dict(stage4=dict(multiscale_output=True)),
            ['multiscale_output=', "extra['stage4']"],
        ),
    ],
)
def test_a_contradictory_extra_says_what_is_wrong(change, words, extra_of):
    with pytest.raises(ValueError) as error:
        read_extra(extra_of('w18', **change))
    assert all(word in str(error.value) for word in words), error.value


def test_an_extra_without_a_stage_names_it(extra_of):
    extra = extra_of('w18')
    del extra['stage4']
    with pytest.raises(ValueError, match='stage4'):
        HRNet(extra=extra)


def test_an_upsample_key_is_sent_to_its_argument(extra_of):
    with pytest.raises(ValueError, match='upsample_cfg='):
        HRNet(extra={**extra_of('w18'), 'upsample': dict(mode='bilinear')})


@pytest.mark.parametrize('arch', [None, 'w18'])
def test_neither_or_both_of_arch_and_extra_are_refused(arch, extra_of):
    with pytest.raises(ValueError, match='either arch or extra'):
        HRNet(arch, extra_of('w18') if arch else None)


def test_an_unknown_arch_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'w99'.*'w18_small_v1'.*'w64'"):
        HRNet('w99')
