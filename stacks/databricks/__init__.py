"""Databricks: the orchestrator, the artifact store on Unity Catalog Volumes, the feature store, and what checks them beforehand."""
