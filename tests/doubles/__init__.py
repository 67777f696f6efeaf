"""Doubles of what cannot run here: they hold to the documented signatures and rules, and really do what they are asked to."""
