"""Inference with trained models: deployment, export and inferencers."""
