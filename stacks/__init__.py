"""The platform: ZenML stack components and adapters.

What belongs here: feature store flavors, the reading of sources, MLflow tracking and registry, the definition of stacks.
What does not: rules about features, labels or models; those are pure functions in `stackhouse/`.
"""
