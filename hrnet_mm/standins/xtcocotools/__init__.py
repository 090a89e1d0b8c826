"""Replacement for xtcocotools that needs no compiler.

Contains the modules that MMPose uses: ``coco``, ``cocoeval`` and ``mask``. Scores are
computed by faster-coco-eval and equal those of xtcocotools 1.14.3. Annotations and
masks use pycocotools, which xtcocotools is a copy of.
"""
