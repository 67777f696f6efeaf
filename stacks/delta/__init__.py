"""What the `delta` feature store is made of: where tables are, what their schema says, how they are written, read and kept.

The store itself, with its configuration and flavor, stands in `stacks/delta_feature_store.py`.
"""
