"""Replacements for compiled modules of OpenMMLab that are not installed.

``mmcv_ext`` replaces ``mmcv._ext``, and ``xtcocotools`` the package of that name.
``hrnet_mm_standins.py``, beside this package, registers them under these names. They
do not import ``hrnet_mm``, so that they can be loaded before it.
"""
