"""What holds for every request: a token, known routes, planned faults."""

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, Unauthenticated
from requests.exceptions import ConnectionError as Broken
from requests.exceptions import RequestException

from rehearsal.emulator.workspace import Workspace


def test_caller_is_told_who_it_is(client: WorkspaceClient) -> None:
    assert client.current_user.me().user_name == "rehearsal@localhost"


@pytest.mark.parametrize("token", ["wrong", "Bearer"])
def test_unknown_token_is_refused(workspace: Workspace, token: str) -> None:
    with pytest.raises(Unauthenticated):
        WorkspaceClient(host=workspace.host, token=token).current_user.me()


def test_unknown_route_answers_404_and_is_on_record(workspace: Workspace, client: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match=r"No API found for 'GET /api/2\.0/instance-pools/list'"):
        list(client.instance_pools.list())
    assert [request.path for request in workspace.unknown_requests] == ["/api/2.0/instance-pools/list"]


@pytest.mark.parametrize("kind", ["429", "503"])
def test_client_tries_again_after_a_passing_fault(workspace: Workspace, client: WorkspaceClient, kind: str) -> None:
    workspace.faults.plan(kind, "GET", "scim", times=3)
    assert client.current_user.me().user_name == "rehearsal@localhost"
    assert [request.status for request in workspace.requests if "scim" in request.path] == [int(kind)] * 3 + [200]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_dropped_connection_reaches_the_client(workspace: Workspace, client: WorkspaceClient, kind: str) -> None:
    workspace.faults.plan(kind, "GET", "scim")
    with pytest.raises((RequestException, Broken)):
        client.current_user.me()
    assert client.current_user.me().active
