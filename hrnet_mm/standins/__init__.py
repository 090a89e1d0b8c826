"""Stand-ins for compiled modules that OpenMMLab imports, where they are not installed.

``mmcv_ext`` answers to ``mmcv._ext``, ``xtcocotools`` to the package of that name.
``hrnet_mm_standins.py``, beside this package, loads them under those names. They import
nothing of ``hrnet_mm``, so that they can be loaded before it.
"""
