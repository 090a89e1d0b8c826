"""What every job shares: hooks, logs, processes. Nothing about a task."""

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='hrnet_mm.CheckpointHook', interval=10, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
)
custom_hooks = [
    # averages the BN statistics of all GPUs before they are evaluated and saved
    dict(type='SyncBuffersHook'),
    dict(type='hrnet_mm.ChannelsLastHook'),
    dict(type='hrnet_mm.Bf16Hook'),
    dict(type='hrnet_mm.AnyFamilyHook'),
    dict(type='hrnet_mm.CheckFrozenHook'),
    dict(type='hrnet_mm.SeedStepHook'),
    dict(type='hrnet_mm.CudaGraphHook'),
    dict(type='hrnet_mm.FiniteLossHook'),
    dict(type='hrnet_mm.PreemptionHook'),
    dict(type='hrnet_mm.ExactResumeHook'),
    dict(type='hrnet_mm.CheckChannelsHook'),
    dict(type='hrnet_mm.CheckGradientsHook'),
]

env_cfg = dict(
    cudnn_benchmark=True,  # inputs of one size, in training
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
# a job that is resumed must draw the same order and augmentation as before
randomness = dict(seed=0)

log_level = 'INFO'
load_from = None
resume = False
