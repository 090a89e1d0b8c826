"""The former module of ``hrnet_mm.building.load_trained``."""

from hrnet_mm.building import load_trained

__all__ = ['load_trained']
