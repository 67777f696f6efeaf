"""The core of Stackhouse: pure, typed functions over tables and arrays.

What belongs here: roles of columns, feature definitions, cleaning, labels, splits, the point-in-time join, algorithms,
metrics, verdicts, and the errors that they raise. What does not: ZenML, MLflow, Databricks or Spark clients, the clock,
the environment, global random state. `stacks/` and `materializers/` hold those; a test walks the imports.
"""
