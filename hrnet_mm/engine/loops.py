"""The training loop of the configs of hrnet_mm."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from mmengine.structures import BaseDataElement
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import BatchSampler, DataLoader

from hrnet_mm.messages import counted
from hrnet_mm.models.norms import SyncBatchNormOnCpu
from hrnet_mm.registry import LOOPS

from .freed_memory import keep_freed_memory
from .resume import ResumableEpochLoop


@LOOPS.register_module()
class EpochLoop(ResumableEpochLoop):
    """``EpochBasedTrainLoop`` for data sets of any size, which resumes exactly.

    The only batch of an epoch is kept even with ``drop_last=True``. A last batch of one
    sample is dropped if batch norms would compute their statistics from it alone.

    Args:
        runner: The runner of the loop.
        dataloader: A data loader or its config.
        kwargs: Arguments of ``EpochBasedTrainLoop``, such as ``max_epochs``.

    Raises:
        ValueError: If an epoch has no batch.
    """

    def __init__(self, runner: Runner, dataloader: Any, **kwargs: Any) -> None:
        BaseLoop.__init__(self, runner, dataloader)  # builds the loader
        if get_device() == 'cpu':
            keep_freed_memory()
        if isinstance(self.dataloader, DataLoader):  # vis_scheduler passes another type
            _decide_last_batch(runner, self.dataloader)
        if runner.cfg.get('compile'):
            _exclude_metainfo_from_compilation()
        super().__init__(runner, self.dataloader, **kwargs)


def _exclude_metainfo_from_compilation() -> None:
    # set_metainfo copies numpy arrays, which Dynamo of torch 2.15 fails to trace
    stock = BaseDataElement.set_metainfo
    if not hasattr(stock, '__wrapped__'):
        BaseDataElement.set_metainfo = torch.compiler.disable(stock)


def _decide_last_batch(runner: Runner, loader: DataLoader) -> None:
    batches: Any = loader.batch_sampler
    sampler: Any = loader.sampler
    if type(batches) is BatchSampler:
        samples, size = len(sampler), batches.batch_size
        if batches.drop_last and samples < size:
            batches.drop_last = False
            runner.logger.warning(
                f'{_describe_samples(loader)}: fewer than train_dataloader.batch_size='
                f'{size}. The only batch of an epoch is kept in spite of '
                'train_dataloader.drop_last=True'
            )
        elif samples > size and samples % size == 1 and _has_batch_norms(runner.model):
            batches.drop_last = True
            runner.logger.info(
                f'{_describe_samples(loader)}: batches of {size} and a last one of 1, '
                'which is dropped because batch norms need more than one sample. To '
                'use all samples, change train_dataloader.batch_size'
            )
    if not len(loader):
        raise ValueError(
            f'{_describe_samples(loader)}: no batch in an epoch. Set a smaller '
            'train_dataloader.batch_size, or train_dataloader.drop_last=False'
        )


def _describe_samples(loader: DataLoader) -> str:
    data: Any = loader.dataset
    sampler: Any = loader.sampler
    samples = counted(len(data), 'sample')
    text = f'{type(data).__name__} has {samples} to train on'
    processes = get_world_size()
    if processes > 1:
        text += f', {len(sampler)} for each of {processes} processes'
    return text


def _has_batch_norms(model: nn.Module) -> bool:
    # only those that compute their statistics from the batch of one process
    synchronized = (nn.SyncBatchNorm, SyncBatchNormOnCpu)
    alone = get_world_size() == 1
    return any(
        isinstance(norm, _BatchNorm)
        and norm.training
        and (alone or not isinstance(norm, synchronized))
        for norm in model.train().modules()
    )
