"""Benchmarks: Stackhouse beside hand-written code and beside ZenML's own materializer, as ratios measured together.

`python -m benchmarks` from the repository root prints (a) to (e). Two take many minutes and run when they are named:
(f) `python -m benchmarks scale` (or `make bench-scale`), and (g) `python -m benchmarks tasks`, what a task of a job costs
beside its step. No test asserts a time.
"""
