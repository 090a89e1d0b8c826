"""xtcocotools on faster-coco-eval (in progress)."""
