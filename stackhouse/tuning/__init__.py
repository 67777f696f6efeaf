"""Tuning: the choice of algorithm, hyperparameters and decision threshold, never on test rows."""
