"""Stand-in for xtcocotools: keypoint scores without a compiler.

It has what MMPose uses: ``coco.COCO``, ``cocoeval.COCOeval`` and ``mask``. Scores equal
those of xtcocotools 1.14.3; faster-coco-eval computes them. Annotations and masks are
pycocotools', which xtcocotools was copied from.
"""
