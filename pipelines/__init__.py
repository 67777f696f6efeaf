"""Pipelines: one file each, that reads as a table of contents. All read the same model file."""
