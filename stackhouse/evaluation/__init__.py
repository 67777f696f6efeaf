"""Evaluation: metrics and what else is measured of a fitted model on rows that it never saw."""
