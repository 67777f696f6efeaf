"""Benchmarks: Stackhouse beside hand-written code and beside ZenML's own materializer, as ratios measured together.

`python -m benchmarks` from the repository root prints (a) to (e). Others take many minutes and run when they are named:
(f) `python -m benchmarks scale` (or `make bench-scale`), (g) `tasks`, what a task of a job costs beside its step, (h) `fit`,
training against the bare fit, and (i) `tuning`, a search against the same one written by hand. No test asserts a time.
"""
