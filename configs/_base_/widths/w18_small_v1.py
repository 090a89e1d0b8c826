"""HRNet-W18-small-v1: the widths of its streams, and its weights."""

C = 16
widths = [C, 2 * C, 4 * C, 8 * C]
arch = 'w18_small_v1'

imagenet = dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w18_small_v1/imagenet')
