"""An emulator of the parts of a Databricks workspace that Stackhouse uses, on loopback.

Each module holds one service: its state, its rules, and `router(workspace)` with its routes. What is not written here answers 404
and is logged, so that nothing passes by accident.
"""
