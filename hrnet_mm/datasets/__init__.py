"""Checks, annotation files and metainfo of data sets, shared by all tasks."""
