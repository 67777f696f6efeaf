"""What clusters can be made of: policies, node types, runtimes, and the definitions that are refused."""

from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound

from rehearsal.emulator.compute import JOB_POLICY, Cloud, Compute
from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.workspace import Workspace

CLUSTER = {"spark_version": "15.4.x-scala2.12", "node_type_id": "m6i.xlarge", "num_workers": 0, "data_security_mode": "SINGLE_USER"}


def test_job_policy_is_there(client: WorkspaceClient) -> None:
    assert [(policy.policy_id, policy.name) for policy in client.cluster_policies.list()] == [(JOB_POLICY, "Job Compute")]
    assert client.cluster_policies.get(JOB_POLICY).name == "Job Compute"


def test_unknown_policy_is_not_found(client: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match="Cluster policy NONE does not exist"):
        client.cluster_policies.get("NONE")


def test_runtimes_are_listed_by_key(client: WorkspaceClient) -> None:
    assert {version.key for version in client.clusters.spark_versions().versions or []} == {
        "15.4.x-scala2.12",
        "16.4.x-scala2.12",
        "16.4.x-scala2.13",
        "17.3.x-scala2.13",
        "18.0.x-scala2.13",
    }


@pytest.mark.parametrize(("cloud", "node_type"), [("aws", "m6i.xlarge"), ("azure", "Standard_D4s_v5"), ("gcp", "n2-standard-4")])
def test_node_types_are_those_of_the_cloud(workspace: Workspace, client: WorkspaceClient, cloud: Cloud, node_type: str) -> None:
    workspace.compute.cloud = cloud
    found = {one.node_type_id: (one.num_cores, one.memory_mb) for one in client.clusters.list_node_types().node_types or []}
    assert found[node_type] == (4, 16 * 1024)
    assert len(found.keys() & {"m6i.xlarge", "Standard_D4s_v5", "n2-standard-4"}) == 1


@pytest.mark.parametrize(
    ("spark_version", "python"),
    [
        ("15.4.x-scala2.12", "3.11"),
        ("15.4.x-cpu-ml-scala2.12", "3.11"),
        ("16.4.x-photon-scala2.13", "3.12"),
        ("17.3.x-scala2.13", "3.12"),
        ("18.0.x-scala2.13", "3.12"),
    ],
)
def test_each_runtime_has_its_python(spark_version: str, python: str) -> None:
    assert Compute().python_of(spark_version) == python


@pytest.mark.parametrize("spark_version", ["", "15.4", "15.4.x-scala2.13", "99.9.x-scala2.13", "latest"])
def test_unknown_runtime_is_refused(spark_version: str) -> None:
    with pytest.raises(ApiError, match="Invalid spark version"):
        Compute().python_of(spark_version)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"policy_id": JOB_POLICY},
        {"driver_node_type_id": "m6i.2xlarge"},
        {"data_security_mode": "USER_ISOLATION"},
        {"data_security_mode": None},
    ],
)
def test_cluster_that_can_be_made_is_accepted(change: dict[str, Any]) -> None:
    Compute().require_cluster(CLUSTER | change)


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"spark_version": "1.0.x-scala2.12"}, 400, "Invalid spark version 1.0.x-scala2.12"),
        ({"node_type_id": "Standard_D4s_v5"}, 400, "Node type Standard_D4s_v5 is not supported"),
        ({"driver_node_type_id": "huge"}, 400, "Node type huge is not supported"),
        ({"node_type_id": None}, 400, "'node_type_id' must be supplied"),
        ({"policy_id": "NONE"}, 404, "Cluster policy NONE does not exist"),
        ({"data_security_mode": "SINGLE"}, 400, "Unknown value for enum DataSecurityMode: SINGLE"),
        ({"single_user_name": ""}, 400, "'single_user_name' must not be empty"),
    ],
)
def test_cluster_that_cannot_be_made_is_refused(change: dict[str, Any], status: int, message: str) -> None:
    with pytest.raises(ApiError, match=message) as refused:
        Compute().require_cluster(CLUSTER | change)
    assert refused.value.status == status
