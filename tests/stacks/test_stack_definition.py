"""Stacks as files: places that are filled from the environment, and secrets that ZenML keeps."""

import re
from pathlib import Path

import pytest
import yaml
from zenml.client import Client
from zenml.enums import StackComponentType

from stackhouse.errors import ConfigurationError
from stacks.definition import FLAVORS, ComponentDefinition, bring_up, filled, read_definition
from stacks.home import PROJECT

TOKEN = "dapi-planted-token"  # noqa: S105 - planted


def component(**configuration: str) -> ComponentDefinition:
    return ComponentDefinition(name="stackhouse_x", flavor="x", configuration=configuration)


def test_places_are_filled_from_home_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKHOUSE_HOME", "/data/home")
    monkeypatch.setenv("DATABRICKS_HOST", "https://x.cloud.databricks.com")
    given = component(path="{home}/artifacts", host="{DATABRICKS_HOST}", plain="uc://main/a/b")
    assert filled(given, "databricks").configuration == {
        "path": "/data/home/artifacts",
        "host": "https://x.cloud.databricks.com",
        "plain": "uc://main/a/b",
    }


def test_reference_to_a_secret_is_left_to_zenml() -> None:
    assert filled(component(token="{{stackhouse.token}}"), "databricks")  # noqa: S106 - a reference.configuration == {"token": "{{stackhouse.token}}"}


def test_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    with pytest.raises(ConfigurationError, match="takes DATABRICKS_HOST from the environment, and it is not set"):
        filled(component(host="{DATABRICKS_HOST}"), "databricks")


@pytest.mark.parametrize("path", sorted((PROJECT / "configs/stacks").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_stack_is_valid_and_holds_no_credential(path: Path) -> None:
    definition = read_definition(path.stem)
    assert definition.name == path.stem
    for kind, found in definition.components.items():
        for key, value in found.configuration.items():
            if "token" in key or "secret" in key.removesuffix("_scope").removesuffix("scope"):
                assert key == "secret_scope" or value.startswith("{{"), (kind, key)
    ours = {(kind, found.flavor) for kind, found in definition.components.items()} - {
        ("orchestrator", "local"),
        ("artifact_store", "local"),
        ("experiment_tracker", "mlflow"),
    }
    assert ours <= set(FLAVORS)


def test_databricks_and_rehearsal_differ_in_addresses_and_feature_store_alone() -> None:
    databricks, rehearsal = read_definition("databricks"), read_definition("rehearsal")
    kinds = ("orchestrator", "artifact_store", "experiment_tracker")
    assert [databricks.components[kind].flavor for kind in kinds] == [rehearsal.components[kind].flavor for kind in kinds]
    tracker = {
        key: value.replace("_databricks.", "_rehearsal.")
        for key, value in databricks.components["experiment_tracker"].configuration.items()
    }
    assert tracker == rehearsal.components["experiment_tracker"].configuration


@pytest.fixture
def stack_with_secret(tmp_path: Path) -> str:
    definition = {
        "name": "with_secret",
        "secrets": {"stackhouse_test_secret": {"token": "PLANTED_TOKEN"}},
        "components": {
            "orchestrator": {"name": "stackhouse_local", "flavor": "local"},
            "artifact_store": {"name": "stackhouse_local", "flavor": "local", "configuration": {"path": "{home}/artifacts"}},
        },
    }
    (tmp_path / "with_secret.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    return str(tmp_path)


def test_secret_is_kept_by_zenml_and_brought_up_to_date(stack_with_secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = read_definition("with_secret", Path(stack_with_secret))
    monkeypatch.delenv("PLANTED_TOKEN", raising=False)
    with pytest.raises(ConfigurationError, match=r"has no secret 'stackhouse_test_secret' yet\. Set PLANTED_TOKEN once"):
        bring_up(definition)
    for value in (TOKEN, f"{TOKEN}-2", f"{TOKEN}-2"):
        monkeypatch.setenv("PLANTED_TOKEN", value)
        bring_up(definition)
        assert Client().get_secret("stackhouse_test_secret").secret_values == {"token": value}
    monkeypatch.delenv("PLANTED_TOKEN")
    bring_up(definition)
    assert Client().get_secret("stackhouse_test_secret").secret_values == {"token": f"{TOKEN}-2"}
    bring_up(read_definition("local"))


@pytest.mark.parametrize("given", ["sqlite:////data/mlflow.db", "postgresql://me:Tr0ub4dor@host/db", "127.0.0.1:5000"])
def test_an_mlflow_server_has_to_have_an_address(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`. ./activate` sets the variable to the file of the local stack, which would be taken for a server. A password is not repeated."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    with pytest.raises(ConfigurationError, match="takes the address of a server from MLFLOW_TRACKING_URI") as refused:
        bring_up(read_definition("local_mlflow_server"))
    assert "Tr0ub4dor" not in str(refused.value)


def test_address_with_a_password_is_refused_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ann:hunter2@mlflow.example")
    with pytest.raises(ConfigurationError, match="The address in MLFLOW_TRACKING_URI has a user or a password in it") as refused:
        bring_up(read_definition("local_mlflow_server"))
    assert "hunter2" not in str(refused.value)


def test_an_mlflow_server_is_all_that_its_stack_has_in_place_of_the_local_one() -> None:
    local, server = (dict(read_definition(name).components) for name in ("local", "local_mlflow_server"))
    tracker = server.pop("experiment_tracker")
    assert local.pop("experiment_tracker").flavor == tracker.flavor == "mlflow"
    assert local == server


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        ({"tracking_token": "Tr0ub4dor"}, "tracking_token is another one"),
        ({"tracking_uri": "http://me:Tr0ub4dor@127.0.0.1:8"}, "tracking_uri is http://127.0.0.1:8, not http://127.0.0.1:9"),
        ({"tracking_uri": "http://me:Tr0ub4dor@127.0.0.1:9"}, "tracking_uri is another one"),
        ({"tracking_uri": "http://127.0.0.1:9?password=Tr0ub4dor"}, "tracking_uri is another one"),
    ],
)
def test_a_component_that_differs_is_told_without_its_credentials(
    kept: dict[str, str], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    server = read_definition("local_mlflow_server")
    tracker = server.components["experiment_tracker"].model_copy(update={"name": "stackhouse_planted"})
    definition = server.model_copy(update={"name": "planted", "components": {**server.components, "experiment_tracker": tracker}})
    bring_up(definition)
    client, place = Client(), ("stackhouse_planted", StackComponentType.EXPERIMENT_TRACKER)
    client.update_stack_component(*place, configuration=kept)
    try:
        with pytest.raises(ConfigurationError, match=f"of another clone or folder: {re.escape(found)}\\. ") as refused:
            bring_up(definition)
    finally:
        client.update_stack_component(*place, configuration=dict(filled(tracker, definition.name).configuration))
        bring_up(read_definition("local"))
    assert not [secret for secret in ("Tr0ub4dor", TOKEN) if secret in str(refused.value)]


def test_the_address_and_the_token_of_an_mlflow_server_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    bring_up(read_definition("local_mlflow_server"))
    tracker = Client().active_stack.experiment_tracker
    try:
        assert tracker is not None
        assert (tracker.config.tracking_uri, tracker.config.tracking_token) == ("http://127.0.0.1:9", TOKEN)
        assert TOKEN not in str(Client().active_stack_model.components)
    finally:
        bring_up(read_definition("local"))
