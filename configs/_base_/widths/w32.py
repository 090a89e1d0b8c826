"""HRNet-W32: the widths of its streams, and its weights."""

C = 32
widths = [C, 2 * C, 4 * C, 8 * C]
arch = 'w32'

imagenet = dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w32/imagenet')
# an earlier ImageNet training, from which MMPose's configs start
imagenet_pose = dict(imagenet, checkpoint='hrnet://w32/imagenet-pose')
