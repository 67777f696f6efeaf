"""Promotion: a model becomes champion only on evidence that it is better, on rows that neither model was trained on."""
