"""Trained models in use: deployed, exported, behind an inferencer."""
