"""HRNet-W48: the widths of its streams, and its weights."""

C = 48
widths = [C, 2 * C, 4 * C, 8 * C]
arch = 'w48'

imagenet = dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w48/imagenet')
# an earlier ImageNet training, from which MMPose's configs start
imagenet_pose = dict(imagenet, checkpoint='hrnet://w48/imagenet-pose')
