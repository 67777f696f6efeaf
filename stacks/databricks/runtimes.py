"""What is known of Databricks runtimes and clouds before a workspace is asked."""

import re
from typing import Literal

from stackhouse.errors import ConfigurationError

Cloud = Literal["aws", "azure", "gcp"]

PYTHONS = {"15.4": "3.11", "16.4": "3.12", "17.3": "3.12", "18": "3.12"}
"""Python of each long-term runtime. Source: release notes of Databricks runtimes."""

DEFAULT_RUNTIME = "16.4.x-scala2.12"

SERVERLESS_PYTHONS = {"2": "3.11", "3": "3.12", "4": "3.12", "5": "3.12"}
"""Python of each version of the serverless environment. Source: serverless environment versions."""

NODE_TYPES: dict[Cloud, str] = {"aws": "m6i.xlarge", "azure": "Standard_D4s_v5", "gcp": "n2-standard-4"}
"""A general node of 4 cores and 16 GB on each cloud."""


def cloud_of(host: str) -> Cloud:
    """Return the cloud of a workspace, which its address tells.

    >>> cloud_of("https://adb-1234567890123456.7.azuredatabricks.net")
    'azure'
    """
    if "azuredatabricks." in host or "databricks.azure." in host:
        return "azure"
    return "gcp" if ".gcp.databricks." in host else "aws"


def python_of(spark_version: str) -> str:
    """Return the Python of a runtime, e.g. "3.12" for "16.4.x-scala2.12".

    Raises:
        ConfigurationError: for a runtime that is not known here.
    """
    if found := re.match(r"(\d+)((?:\.\d+)?)\.x-", spark_version):
        for name in (f"{found[1]}{found[2]}", found[1]):
            if name in PYTHONS:
                return PYTHONS[name]
    raise ConfigurationError(f"The runtime '{spark_version}' is not known here; known are {', '.join(f'{name}.x' for name in PYTHONS)}.")
