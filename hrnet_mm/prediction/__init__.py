"""Prediction on images and videos of a user: `hrnet-mm predict`."""
