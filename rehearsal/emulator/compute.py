"""Cluster policies, node types and runtimes (`/api/2.0/policies/clusters/…`, `/api/2.1/clusters/…`).

Simplified: a handful of runtimes and node types a cloud; a policy exists or not, what it prescribes is not applied;
there are no clusters to list, since a job brings its own.
"""

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter

from rehearsal.emulator.errors import ApiError

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

Cloud = Literal["aws", "azure", "gcp"]

RUNTIMES = {
    "18.0.x-scala2.13": ("18.0 (includes Apache Spark 4.1.0, Scala 2.13)", "3.12"),
    "17.3.x-scala2.13": ("17.3 LTS (includes Apache Spark 4.0.0, Scala 2.13)", "3.12"),
    "16.4.x-scala2.13": ("16.4 LTS (includes Apache Spark 3.5.2, Scala 2.13)", "3.12"),
    "16.4.x-scala2.12": ("16.4 LTS (includes Apache Spark 3.5.2, Scala 2.12)", "3.12"),
    "15.4.x-scala2.12": ("15.4 LTS (includes Apache Spark 3.5.0, Scala 2.12)", "3.11"),
}
"""Key of a runtime, its name, and its Python. Source: release notes of the Databricks runtimes, "System environment"."""

NODE_TYPES: dict[Cloud, dict[str, tuple[float, int]]] = {
    "aws": {"m6i.large": (2, 8), "m6i.xlarge": (4, 16), "m6i.2xlarge": (8, 32), "i3.xlarge": (4, 31), "r6i.xlarge": (4, 32)},
    "azure": {"Standard_D4s_v5": (4, 16), "Standard_D8s_v5": (8, 32), "Standard_DS3_v2": (4, 14), "Standard_E4s_v5": (4, 32)},
    "gcp": {"n2-standard-4": (4, 16), "n2-standard-8": (8, 32), "n2-highmem-4": (4, 32)},
}
"""Cores and memory in GB of each node type, by cloud."""

SECURITY_MODES = (
    "DATA_SECURITY_MODE_AUTO",
    "DATA_SECURITY_MODE_DEDICATED",
    "DATA_SECURITY_MODE_STANDARD",
    "LEGACY_PASSTHROUGH",
    "LEGACY_SINGLE_USER",
    "LEGACY_SINGLE_USER_STANDARD",
    "LEGACY_TABLE_ACL",
    "NONE",
    "SINGLE_USER",
    "USER_ISOLATION",
)

JOB_POLICY = "ABC0000000000001"
"""Id of the policy that every workspace begins with."""


@dataclass
class Compute:
    """What clusters can be made of. `policies` maps an id to a name and may be added to."""

    cloud: Cloud = "aws"
    policies: dict[str, str] = field(default_factory=lambda: {JOB_POLICY: "Job Compute"})

    def require_cluster(self, new_cluster: dict[str, Any]) -> None:
        """Check the definition of a job's cluster.

        Raises:
            ApiError: for a runtime, node type, policy or security mode that the workspace does not have.
        """
        self.python_of(str(new_cluster.get("spark_version", "")))
        pools = new_cluster.get("instance_pool_id"), new_cluster.get("driver_instance_pool_id")
        if not any(pools) and not new_cluster.get("node_type_id") and not new_cluster.get("policy_id"):
            raise ApiError.invalid("The field 'node_type_id' must be supplied when 'instance_pool_id' is not provided.")
        for key in ("node_type_id", "driver_node_type_id"):
            if (node_type := new_cluster.get(key)) and node_type not in NODE_TYPES[self.cloud]:
                raise ApiError.invalid(f"Node type {node_type} is not supported. Supported node types: {', '.join(NODE_TYPES[self.cloud])}")
        if policy := new_cluster.get("policy_id"):
            self.require_policy(policy)
        mode = new_cluster.get("data_security_mode")
        if mode is not None and mode not in SECURITY_MODES:
            raise ApiError.invalid(f"Unknown value for enum DataSecurityMode: {mode}")
        if mode in {"SINGLE_USER", "DATA_SECURITY_MODE_DEDICATED"} and new_cluster.get("single_user_name") == "":
            raise ApiError.invalid("The field 'single_user_name' must not be empty.")

    def require_policy(self, policy_id: str) -> None:
        """Check that a cluster policy exists.

        Raises:
            ApiError: where it does not.
        """
        if policy_id not in self.policies:
            raise ApiError.missing(f"Cluster policy {policy_id}")

    @staticmethod
    def python_of(spark_version: str) -> str:
        """Return the Python of a runtime, e.g. "3.11" for "15.4.x-scala2.12"; its ML and Photon variants have the same one.

        Raises:
            ApiError: where there is no such runtime.
        """
        plain = re.sub(r"-(cpu-ml|gpu-ml|photon)(?=-scala)", "", spark_version)
        if plain not in RUNTIMES:
            raise ApiError.invalid(f"Invalid spark version {spark_version}.")
        return RUNTIMES[plain][1]


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    routes = APIRouter()

    @routes.get("/api/2.0/policies/clusters/list")
    def list_policies() -> dict[str, Any]:
        return {"policies": [_policy(workspace, policy_id) for policy_id in workspace.compute.policies]}

    @routes.get("/api/2.0/policies/clusters/get")
    def get_policy(policy_id: str) -> dict[str, Any]:
        workspace.compute.require_policy(policy_id)
        return _policy(workspace, policy_id)

    @routes.get("/api/2.1/clusters/spark-versions")
    def spark_versions() -> dict[str, Any]:
        return {"versions": [{"key": key, "name": name} for key, (name, _python) in RUNTIMES.items()]}

    @routes.get("/api/2.1/clusters/list-node-types")
    def list_node_types() -> dict[str, Any]:
        return {"node_types": [_node_type(name, *size) for name, size in NODE_TYPES[workspace.compute.cloud].items()]}

    return routes


def _policy(workspace: "Workspace", policy_id: str) -> dict[str, Any]:
    return {
        "policy_id": policy_id,
        "name": workspace.compute.policies[policy_id],
        "definition": json.dumps({"cluster_type": {"type": "fixed", "value": "job"}}),
        "is_default": policy_id == JOB_POLICY,
        "created_at_timestamp": 0,
    }


def _node_type(name: str, cores: float, memory_gb: int) -> dict[str, Any]:
    return {
        "node_type_id": name,
        "instance_type_id": name,
        "description": name,
        "category": "General Purpose",
        "num_cores": cores,
        "memory_mb": memory_gb * 1024,
        "is_deprecated": False,
        "is_hidden": False,
    }
