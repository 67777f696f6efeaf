"""Secret scopes and secrets by the SDK, and references to them."""

import base64

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, ResourceAlreadyExists, ResourceDoesNotExist

from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.workspace import Workspace


@pytest.fixture
def client(client: WorkspaceClient) -> WorkspaceClient:
    client.secrets.create_scope("team")
    client.secrets.put_secret("team", "token", string_value="grün")
    return client


def test_scopes_are_created_listed_and_deleted(client: WorkspaceClient) -> None:
    client.secrets.create_scope("a.b-c_d")
    assert [scope.name for scope in client.secrets.list_scopes()] == ["a.b-c_d", "team"]
    client.secrets.delete_scope("a.b-c_d")
    assert [scope.name for scope in client.secrets.list_scopes()] == ["team"]


def test_value_comes_back_in_base64(client: WorkspaceClient) -> None:
    found = client.secrets.get_secret("team", "token")
    assert found.value is not None
    assert base64.b64decode(found.value).decode() == "grün"
    client.secrets.put_secret("team", "bytes", bytes_value=base64.b64encode(b"\x00\xff").decode())
    assert client.secrets.get_secret("team", "bytes").value == "AP8="


def test_second_put_replaces_the_value(client: WorkspaceClient) -> None:
    client.secrets.put_secret("team", "token", string_value="blau")
    assert client.dbutils.secrets.get("team", "token") == "blau"


def test_listing_shows_keys_and_times_and_no_value(client: WorkspaceClient, workspace: Workspace) -> None:
    client.secrets.put_secret("team", "another", string_value="x")
    listed = list(client.secrets.list_secrets("team"))
    assert [secret.key for secret in listed] == ["another", "token"]
    assert all(abs((secret.last_updated_timestamp or 0) - workspace.clock.milliseconds()) < 60_000 for secret in listed)
    assert "grün" not in str([secret.as_dict() for secret in listed])


def test_deleted_secret_is_gone(client: WorkspaceClient) -> None:
    client.secrets.delete_secret("team", "token")
    with pytest.raises(ResourceDoesNotExist, match="Secret with scope: team and key: token does not exist"):
        client.secrets.get_secret("team", "token")


def test_deleted_scope_takes_its_secrets_along(client: WorkspaceClient) -> None:
    client.secrets.delete_scope("team")
    client.secrets.create_scope("team")
    assert list(client.secrets.list_secrets("team")) == []


def test_scope_that_is_taken_is_refused(client: WorkspaceClient) -> None:
    with pytest.raises(ResourceAlreadyExists, match="Scope team already exists"):
        client.secrets.create_scope("team")


@pytest.mark.parametrize("name", ["two words", "x" * 129, "ü", "a/b"])
def test_name_that_is_not_valid_is_refused(client: WorkspaceClient, name: str) -> None:
    with pytest.raises(InvalidParameterValue, match="1 to 128 letters"):
        client.secrets.create_scope(name)
    with pytest.raises(InvalidParameterValue, match="1 to 128 letters"):
        client.secrets.put_secret("team", name, string_value="x")


@pytest.mark.parametrize("call", ["get_secret", "delete_secret"])
def test_what_does_not_exist_is_named(client: WorkspaceClient, call: str) -> None:
    with pytest.raises(NotFound, match="Secret scope nowhere does not exist"):
        getattr(client.secrets, call)("nowhere", "token")
    with pytest.raises(NotFound, match="key: nothing does not exist"):
        getattr(client.secrets, call)("team", "nothing")


def test_put_into_a_missing_scope_is_refused(client: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match="Secret scope nowhere does not exist"):
        client.secrets.put_secret("nowhere", "token", string_value="x")


@pytest.mark.parametrize("given", [{}, {"string_value": "a", "bytes_value": "YQ=="}, {"bytes_value": "no base64!"}])
def test_put_wants_exactly_one_value(client: WorkspaceClient, given: dict[str, str]) -> None:
    with pytest.raises(InvalidParameterValue, match=r"string_value|base64"):
        client.secrets.put_secret("team", "key", **given)


def test_largest_value_is_128_kib(client: WorkspaceClient) -> None:
    client.secrets.put_secret("team", "large", string_value="x" * 131072)
    with pytest.raises(InvalidParameterValue, match="larger than 131072 bytes"):
        client.secrets.put_secret("team", "large", string_value="x" * 131073)


def test_key_vault_scope_is_refused(workspace: Workspace, client: WorkspaceClient) -> None:
    with pytest.raises(BadRequest, match="key vault"):
        client.api_client.do("POST", "/api/2.0/secrets/scopes/create", body={"scope": "vault", "scope_backend_type": "AZURE_KEYVAULT"})


def test_refusal_never_repeats_a_value(workspace: Workspace) -> None:
    body = {"scope": "nowhere", "key": ["planted"], "string_value": "planted-secret"}
    headers = {"Authorization": f"Bearer {workspace.token}"}
    for sent in (body, {"string_value": "planted-secret"}, {"scope": "s", "key": "k", "string_value": ["planted-secret"]}):
        answer = requests.post(f"{workspace.host}/api/2.0/secrets/put", json=sent, headers=headers, timeout=10)
        assert answer.status_code in {400, 404}
        assert "planted" not in answer.text


def test_secrets_are_not_in_the_repr_of_the_workspace(client: WorkspaceClient, workspace: Workspace) -> None:
    assert "grün" not in repr(workspace)
    assert "grün" not in repr(workspace.secrets.list("team"))


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("{{secrets/team/token}}", "grün"),
        ("Bearer {{ secrets/team/token }}!", "Bearer grün!"),
        ("{{secrets/team/token}}{{secrets/team/token}}", "grüngrün"),
        ("{{job.id}} $HOME", "{{job.id}} $HOME"),
    ],
)
def test_reference_is_replaced_by_the_value(client: WorkspaceClient, workspace: Workspace, text: str, resolved: str) -> None:
    assert workspace.secrets.resolve(text) == resolved


@pytest.mark.parametrize("text", ["{{secrets/team/nothing}}", "{{secrets/nowhere/token}}"])
def test_reference_to_nothing_is_an_error(client: WorkspaceClient, workspace: Workspace, text: str) -> None:
    with pytest.raises(ApiError, match="does not exist"):
        workspace.secrets.resolve(text)
