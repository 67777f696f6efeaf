"""Explanation: how much each feature contributes to what a model answers."""
