"""From a module in eval mode to a graph of fused convolutions."""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import fx, nn
from torch.fx import GraphModule, Node
from torch.nn.modules.batchnorm import _BatchNorm

from hrnet_mm.models import HRNet
from hrnet_mm.models.hrnet import (
    Exchange,
    HRModule,
    ParallelBranches,
    Stage,
    Transition,
)
from hrnet_mm.models.layers import ResidualBlock

from .fused_conv import FusedConv, add_, relu_

# Whose forward is looked into; all else is called as it is.
TRANSPARENT = (
    HRNet, ParallelBranches, Exchange, Transition, HRModule, Stage, ResidualBlock,
    ConvModule, nn.Sequential,
)  # fmt: skip

# They read their arguments and output memory of their own, or that of the first one.
PURE = (operator.add, add_, F.relu, relu_, F.interpolate)


class Tracer(fx.Tracer):
    """Looks into the modules whose forward is known to be a fixed graph."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module stays a node."""
        return not isinstance(m, TRANSPARENT)


@torch.no_grad()
def fuse(module: nn.Module) -> GraphModule:
    """The graph of a module in eval mode, which computes the same in fewer steps.

    Batch norms are folded into convolutions; these add and rectify, too, where nothing
    else needs what lies between; the rest works in place where it may. What is neither,
    another norm or a deformable convolution, is called as before.
    """
    gm = GraphModule(module, Tracer().trace(module))
    drop_identities(gm)
    fold_norms(gm)
    fuse_additions(gm)
    fuse_relus(gm)
    work_in_place(gm)
    gm.delete_all_unused_submodules()
    gm.graph.lint()
    gm.recompile()
    return gm


def called(gm: GraphModule, node: Any) -> nn.Module | None:
    """The module that a node calls."""
    if isinstance(node, Node) and node.op == 'call_module':
        return gm.get_submodule(str(node.target))
    return None


def fused(gm: GraphModule, node: Any) -> FusedConv | None:
    """The fused convolution that a node calls."""
    module = called(gm, node)
    return module if isinstance(module, FusedConv) else None


def replace(node: Node, by: Node) -> None:
    """Let ``by`` stand for ``node``."""
    node.replace_all_uses_with(by)
    node.graph.erase_node(node)


def drop_identities(gm: GraphModule) -> None:
    """Remove what returns its argument in eval mode."""
    for node in list(gm.graph.nodes):
        if isinstance(called(gm, node), nn.Identity | nn.Dropout | nn.Dropout2d):
            replace(node, node.args[0])


def fold_norms(gm: GraphModule) -> None:
    """Fuse convolutions with the batch norms that follow them, if any."""
    for node in list(gm.graph.nodes):
        conv = called(gm, node)
        if not isinstance(conv, nn.Conv2d) or not can_fuse(conv):
            continue
        follower = next(iter(node.users))
        norm = called(gm, follower)
        if len(node.users) == 1 and isinstance(norm, _BatchNorm):
            replace(follower, node)
        else:
            norm = None
        name = str(node.target).replace('.', '_') + '_fused'
        gm.add_submodule(name, FusedConv(conv, norm))
        node.target = name


def can_fuse(conv: nn.Conv2d) -> bool:
    """Whether a convolution is nothing else."""
    is_plain = type(conv) is nn.Conv2d and conv.padding_mode == 'zeros'
    return is_plain and isinstance(conv.padding, tuple)


def fuse_additions(gm: GraphModule) -> None:
    """``a + conv(x)``: the convolution adds."""
    for node in list(gm.graph.nodes):
        if node.target is not operator.add:
            continue
        for conv, other in (node.args[::-1], node.args):
            if fused(gm, conv) and len(conv.users) == 1 and len(conv.args) == 1:
                node.append(conv)  # behind `other`
                conv.args = (*conv.args, other)
                replace(node, conv)
                break


def fuse_relus(gm: GraphModule) -> None:
    """``relu(conv(x))``: the convolution rectifies."""
    for node in list(gm.graph.nodes):
        if node.target is F.relu or isinstance(called(gm, node), nn.ReLU):
            conv = fused(gm, node.args[0])
            if conv is not None and len(node.args[0].users) == 1:
                conv.relu = True
                replace(node, node.args[0])


def work_in_place(gm: GraphModule) -> None:
    """Put results where nothing is read any more."""
    order = {node: i for i, node in enumerate(gm.graph.nodes)}

    def is_free(value: Node, at: Node) -> bool:
        return has_own_memory(gm, value) and all(
            order[user] <= order[at] for user in value.users
        )

    for node in gm.graph.nodes:
        conv = fused(gm, node)
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


def has_own_memory(gm: GraphModule, value: Any) -> bool:
    """Whether a value has memory to which no other value refers."""

    def is_pure(node: Node) -> bool:
        return node.target in PURE or fused(gm, node) is not None

    return (
        isinstance(value, Node)
        and is_pure(value)
        and all(is_pure(user) or user.target is getattr for user in value.users)
    )
