"""Settings of all tasks: hooks, precision, logging and processes.

Hooks have names: `--cfg-options default_hooks.preemption.enable=False` disables one,
and `custom_hooks` in your own config adds others.
"""

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='hrnet_mm.CheckpointHook', interval=10, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # averages the BN statistics of all GPUs before evaluation and checkpointing
    sync_buffers=dict(type='SyncBuffersHook'),
    any_family=dict(type='hrnet_mm.AnyFamilyHook'),
    data_loading=dict(type='hrnet_mm.DataLoadingHook'),
    check_frozen=dict(type='hrnet_mm.CheckFrozenHook'),
    seed_step=dict(type='hrnet_mm.SeedStepHook'),
    finite_loss=dict(type='hrnet_mm.FiniteLossHook'),
    preemption=dict(type='hrnet_mm.PreemptionHook'),
    exact_resume=dict(type='hrnet_mm.ExactResumeHook'),
    check_channels=dict(type='hrnet_mm.CheckChannelsHook'),
    check_gradients=dict(type='hrnet_mm.CheckGradientsHook'),
)
custom_hooks = []  # for `custom_hooks = [*_base_.custom_hooks, ...]` of other configs
# The trunk trains in bfloat16 and as a CUDA graph if the device supports it, and its
# deployed copy computes validation, tests and predictions. `None` turns that off.
model = dict(
    backbone=dict(precision='auto', cuda_graph=True, deploy_cfg=dict(dtype='float32'))
)

env_cfg = dict(
    cudnn_benchmark=True,  # training images have one size
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
# a resumed job must repeat the order and augmentation of the interrupted one
randomness = dict(seed=0)

log_level = 'INFO'
load_from = None
resume = False
