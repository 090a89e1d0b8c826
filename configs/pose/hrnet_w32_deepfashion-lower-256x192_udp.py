"""HRNet-W32, 4 landmarks of lower-body clothes, DeepFashion, 256x192: MMPose's "UDP".

mim train mmpose configs/pose/hrnet_w32_deepfashion-lower-256x192_udp.py
mim test mmpose configs/pose/hrnet_w32_deepfashion-lower-256x192_udp.py \
    --checkpoint CHECKPOINT
"""

_base_ = ['hrnet_w32_deepfashion-lower-256x192.py']

# All that differs in MMPose: its config defines UDP's codec and pipelines, but the
# model and the data keep those of its base.
model = dict(test_cfg=dict(shift_heatmap=False))
