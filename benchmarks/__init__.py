"""Benchmarks: Stackhouse beside hand-written code and beside ZenML's own materializer, as ratios measured together.

`python -m benchmarks` from the repository root prints all but `scale`, which takes a quarter of an hour and runs
when it is named (`make bench-scale`). No test asserts a time.
"""
