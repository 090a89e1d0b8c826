"""Models for inference, faster than in training."""

from .deployed import Deployed, DeployedHRNet, deploy

__all__ = ['Deployed', 'DeployedHRNet', 'deploy']
