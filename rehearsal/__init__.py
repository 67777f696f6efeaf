"""The rehearsal: the very job that Databricks would get, run on an emulated workspace on this machine."""
