"""Conversion of a module in eval mode to a graph of fused convolutions."""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import fx, nn
from torch.fx import GraphModule, Node

from hrnet_mm.models import HRNet
from hrnet_mm.models.hrnet import (
    Exchange,
    HRModule,
    ParallelBranches,
    Stage,
    Transition,
)
from hrnet_mm.models.layers import ResidualBlock

from .fused_conv import FusedConv, add_, can_fold, relu_

# Modules whose forward is traced; all others are called as they are.
TRACED = (
    HRNet, ParallelBranches, Exchange, Transition, HRModule, Stage, ResidualBlock,
    ConvModule, nn.Sequential,
)  # fmt: skip

# Functions whose output is new memory, or the memory of their first argument.
PURE = (operator.add, add_, F.relu, relu_, F.interpolate)


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return not isinstance(m, TRACED)


@torch.no_grad()
def fuse(module: nn.Module) -> GraphModule:
    """Return a graph that computes the same as a module in eval mode, in fewer steps.

    Batch norms are folded into convolutions. Additions and ReLUs are fused with
    the convolution before them if nothing else reads its output; the others run in
    place if that is safe. Everything else, such as other norms or deformable
    convolutions, is called unchanged.
    """
    gm = GraphModule(module, _Tracer().trace(module))
    _drop_identities(gm)
    _fold_norms(gm)
    _fuse_additions(gm)
    _fuse_relus(gm)
    _work_in_place(gm)
    gm.delete_all_unused_submodules()
    gm.graph.lint()
    gm.recompile()
    return gm


def _called_module(gm: GraphModule, node: Any) -> nn.Module | None:
    if isinstance(node, Node) and node.op == 'call_module':
        return gm.get_submodule(str(node.target))
    return None


def _called_conv(gm: GraphModule, node: Any) -> FusedConv | None:
    module = _called_module(gm, node)
    return module if isinstance(module, FusedConv) else None


def _replace(node: Node, by: Node) -> None:
    node.replace_all_uses_with(by)
    node.graph.erase_node(node)


def _drop_identities(gm: GraphModule) -> None:
    for node in list(gm.graph.nodes):
        if isinstance(
            _called_module(gm, node), nn.Identity | nn.Dropout | nn.Dropout2d
        ):
            _replace(node, node.args[0])


def _fold_norms(gm: GraphModule) -> None:
    for node in list(gm.graph.nodes):
        conv = _called_module(gm, node)
        if not isinstance(conv, nn.Conv2d) or not _can_fuse(conv):
            continue
        follower = next(iter(node.users))
        norm: Any = _called_module(gm, follower)
        if len(node.users) == 1 and can_fold(norm):
            _replace(follower, node)
        else:
            norm = None
        name = str(node.target).replace('.', '_') + '_fused'
        gm.add_submodule(name, FusedConv(conv, norm))
        node.target = name


def _can_fuse(conv: nn.Conv2d) -> bool:
    # a subclass may compute something else
    is_plain = type(conv) is nn.Conv2d and conv.padding_mode == 'zeros'
    return is_plain and isinstance(conv.padding, tuple)


def _fuse_additions(gm: GraphModule) -> None:
    # a + conv(x)
    for node in list(gm.graph.nodes):
        if node.target is not operator.add:
            continue
        for conv, other in (node.args[::-1], node.args):
            if _called_conv(gm, conv) and len(conv.users) == 1 and len(conv.args) == 1:
                node.append(conv)  # after `other`, which it reads
                conv.args = (*conv.args, other)
                _replace(node, conv)
                break


def _fuse_relus(gm: GraphModule) -> None:
    # relu(conv(x))
    for node in list(gm.graph.nodes):
        if node.target is F.relu or isinstance(_called_module(gm, node), nn.ReLU):
            conv = _called_conv(gm, node.args[0])
            if conv is not None and len(node.args[0].users) == 1:
                conv.relu = True
                _replace(node, node.args[0])


def _work_in_place(gm: GraphModule) -> None:
    # a result may overwrite a value that no later node reads
    order = {node: i for i, node in enumerate(gm.graph.nodes)}

    def is_free(value: Node, at: Node) -> bool:
        return _has_own_memory(gm, value) and all(
            order[user] <= order[at] for user in value.users
        )

    for node in gm.graph.nodes:
        conv = _called_conv(gm, node)
        if conv is not None and len(node.args) == 2:
            conv.in_place = is_free(node.args[1], node)
        elif node.target is operator.add:
            for args in (node.args, node.args[::-1]):
                if is_free(args[0], node):
                    node.target, node.args = add_, args
                    break
        elif node.target is F.relu:
            free = is_free(node.args[0], node)
            node.target, node.kwargs = (relu_ if free else F.relu), {}


def _has_own_memory(gm: GraphModule, value: Any) -> bool:
    # no other value may refer to its memory

    def is_pure(node: Node) -> bool:
        return node.target in PURE or _called_conv(gm, node) is not None

    return (
        isinstance(value, Node)
        and is_pure(value)
        and all(is_pure(user) or user.target is getattr for user in value.users)
    )
