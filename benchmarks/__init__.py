"""Benchmarks: Stackhouse beside hand-written code and beside ZenML's own materializer, as ratios measured together.

`python -m benchmarks` from the repository root prints all three. No test asserts a time.
"""
