"""Leaks: what a model would know of its label before it is there, found before anything is trained."""
