"""The rules of each check, as tables: what is seen, and what is found."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, InternalError, PermissionDenied, TemporarilyUnavailable
from requests.exceptions import ConnectionError as RequestsConnectionError

from stackhouse.errors import ConfigurationError
from stackhouse.findings import Finding, State
from stacks.databricks import doctor
from stacks.databricks import doctor_here as here
from stacks.databricks.doctor_grants import Access, Caller, Wanted, decide, decide_alias, wanted
from stacks.databricks.doctor_here import Need, ZenmlServer
from stacks.databricks.doctor_stack import Component, ExaminedStack, of_definition, on_loopback
from stacks.databricks.doctor_workspace import judge_node_type, judge_skew
from stacks.databricks.orchestrator_flavor import OrchestratorConfig
from stacks.definition import read_definition

ANN = Caller("ann@example.com", frozenset({"ml"}))
HOST = "https://adb-1.2.azuredatabricks.net"
REMOTE = {
    "orchestrator": Component("stackhouse_databricks", {"host": HOST}),
    "artifact_store": Component("unity_catalog_volumes", {"path": "uc://main/stackhouse/artifacts/team", "host": HOST}),
    "experiment_tracker": Component("mlflow", {"tracking_uri": "databricks", "enable_unity_catalog": "true"}),
    "feature_store": Component("unity_catalog", {}),
}


def stack(**components: Component | None) -> ExaminedStack:
    return ExaminedStack("databricks", {kind: one for kind, one in (REMOTE | components).items() if one})


def states(findings: Any) -> list[tuple[str, str]]:
    return [(str(finding.state), finding.found) for finding in findings]


def test_components_of_a_remote_stack_are_named() -> None:
    found = (
        "orchestrator stackhouse_databricks, artifact_store unity_catalog_volumes, experiment_tracker mlflow, feature_store unity_catalog"
    )
    assert states(here.components(stack())) == [("OK", found)]


@pytest.mark.parametrize(
    ("kind", "component", "reason"),
    [
        ("artifact_store", Component("local", {}), "its flavor is local"),
        ("feature_store", Component("delta", {"path": "/data"}), "/data is a folder that is not declared shared"),
        ("feature_store", Component("delta", {"path": "/data", "shared": "false"}), "/data is a folder that is not declared shared"),
        ("experiment_tracker", Component("mlflow", {}), "it has no tracking server"),
        ("experiment_tracker", Component("mlflow", {"tracking_uri": "sqlite:////tmp/x.db"}), "it has no tracking server"),
        ("experiment_tracker", Component("mlflow", {"tracking_uri": "http://127.0.0.1:5000"}), "http://127.0.0.1:5000 is on loopback"),
    ],
)
def test_local_component_in_a_remote_stack_fails(kind: str, component: Component, reason: str) -> None:
    found = f"{kind} '{component.flavor}' is of this machine alone: {reason}"
    assert states(here.components(stack(**{kind: component}))) == [("FAILED", found)]


@pytest.mark.parametrize(
    "component",
    [
        Component("delta", {"path": "/data", "shared": "true"}),
        Component("delta", {"path": "/data", "shared": True}),
        Component("delta", {"path": "s3://b/p"}),
    ],
)
def test_feature_store_that_others_can_reach_is_in_order(component: Component) -> None:
    assert [finding.state for finding in here.components(stack(feature_store=component))] == [State.OK]


def test_missing_component_fails() -> None:
    assert states(here.components(stack(feature_store=None, experiment_tracker=None))) == [
        ("FAILED", "'databricks' has no experiment_tracker and no feature_store")
    ]


def test_local_stack_may_be_local() -> None:
    local = ExaminedStack("local", {"orchestrator": Component("local", {}), "artifact_store": Component("local", {})})
    assert states(here.components(local)) == [("OK", "'local' runs on this machine")]


def test_variable_that_is_not_set_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    first = next(iter(here.components(of_definition(read_definition("databricks")))))
    assert first.state is State.FAILED
    assert (
        first.found
        == "The stack 'databricks' takes DATABRICKS_HOST from the environment, and it is not set. Set it: export DATABRICKS_HOST=…"
    )


LOOPBACK = stack(orchestrator=Component("stackhouse_databricks", {"host": "http://127.0.0.1:99"}))
LOCAL = ExaminedStack("local", {"orchestrator": Component("local", {})})


@pytest.mark.parametrize(
    ("found", "examined", "state"),
    [
        (ZenmlServer("https://zenml.example.com", "0.98.0"), stack(), "OK"),
        (ZenmlServer("https://zenml.example.com", "0.97.0"), stack(), "WARNING"),
        (ZenmlServer("http://127.0.0.1:8237", "0.98.0"), stack(), "FAILED"),
        (ZenmlServer("http://127.0.0.1:8237", "0.98.0"), LOOPBACK, "OK"),
        (ZenmlServer("sqlite:////home/ann/zenml.db", "0.98.0"), stack(), "FAILED"),
        (ZenmlServer("sqlite:////home/ann/zenml.db", "0.98.0"), LOOPBACK, "FAILED"),
        (ZenmlServer("sqlite:////home/ann/zenml.db", "0.98.0"), LOCAL, "OK"),
        (ZenmlServer("", "", "Connection refused"), stack(), "FAILED"),
        (ZenmlServer("", "", "no such table"), LOCAL, "FAILED"),
    ],
)
def test_zenml_server_has_to_be_in_reach_of_the_cluster(found: ZenmlServer, examined: ExaminedStack, state: str) -> None:
    assert here.server(found, examined, "0.98.0").state == state


PINNED = {"mlflow": "3.17.2", "polars": "2.1.0", "zenml": "0.98.0"}


@pytest.mark.parametrize(
    ("installed", "state", "found"),
    [
        ({}, "OK", "3 libraries are those of x.lock"),
        ({"polars": "2.2.0"}, "WARNING", "1 of 3 libraries are not those of x.lock: polars 2.2.0 (lock: 2.1.0)"),
        ({"polars": None}, "WARNING", "1 of 3 libraries are not those of x.lock: polars is not installed (lock: 2.1.0)"),
        (
            {"polars": "2.2.0", "zenml": "0.97.0"},
            "FAILED",
            "2 of 3 libraries are not those of x.lock: zenml 0.97.0 (lock: 0.98.0), polars 2.2.0 (lock: 2.1.0)",
        ),
    ],
)
def test_installed_libraries_are_compared_with_the_lock(installed: Mapping[str, str | None], state: str, found: str) -> None:
    assert states([here.compare("x.lock", PINNED, {**PINNED, **installed})]) == [(state, found)]


def test_long_list_of_differences_is_cut() -> None:
    pinned = {f"library{number}": "1" for number in range(7)}
    assert here.compare("x.lock", pinned, {}).found.endswith("library3 is not installed (lock: 1), and 3 more")


def test_pins_for_other_machines_are_left_out(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    lock.write_text(
        "# made by uv\n"
        "polars==2.1.0 ; python_full_version >= '3.11' \\\n    --hash=sha256:aa\n    # via stackhouse\n"
        "windows-only==1.0 ; sys_platform == 'win32'\n"
        "great-expectations[extra]==1.24.1\n",
        encoding="utf-8",
    )
    assert here.pins_here(lock) == {"polars": "2.1.0", "great-expectations": "1.24.1"}


def test_missing_pip_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "_installed", lambda name: None if name == "pip" else "80")
    assert states(here.wheel(stack())) == [("FAILED", "pip is not installed, so no wheel can be built")]


@pytest.mark.parametrize(
    ("settings", "python", "state", "found"),
    [
        ({"spark_version": "15.4.x-scala2.12"}, "3.11", "OK", "15.4.x-scala2.12 has Python 3.11, as here"),
        ({"spark_version": "16.4.x-scala2.12"}, "3.11", "WARNING", "16.4.x-scala2.12 has Python 3.12, this machine 3.11"),
        ({}, "3.12", "OK", "16.4.x-scala2.12 has Python 3.12, as here"),
        ({"compute": "serverless", "environment_version": "2"}, "3.11", "OK", "serverless environment 2 has Python 3.11, as here"),
        ({"compute": "serverless", "environment_version": "9"}, "3.11", "FAILED", "the serverless environment 9 is not known here"),
    ],
)
def test_python_of_the_runtime_is_compared_with_ours(settings: Mapping[str, Any], python: str, state: str, found: str) -> None:
    assert states([here.python(OrchestratorConfig(host=HOST, **settings), python)]) == [(state, found)]


def test_unknown_runtime_fails() -> None:
    finding = here.python(OrchestratorConfig(host=HOST, spark_version="9.1.x-scala2.12"), "3.11")
    assert (finding.state, finding.found.startswith("The runtime '9.1.x-scala2.12' is not known here")) == (State.FAILED, True)


def need(schedule: Mapping[str, Any] | None) -> Need:
    return Need("delay.yaml", "dev.flights.delay", ("dev.flights.features",), "/Shared/delay", schedule)


@pytest.mark.parametrize(
    ("schedule", "state", "found"),
    [
        (None, "OK", "no model file has a schedule"),
        ({"cron_expression": "0 2 * * 0"}, "OK", "'0 2 * * 0' of delay.yaml is '0 0 2 ? * SUN' in Quartz"),
        ({"interval_second": 60}, "FAILED", "the schedule of delay.yaml has no cron_expression"),
    ],
)
def test_schedule_is_said_in_quartz(schedule: Mapping[str, Any] | None, state: str, found: str) -> None:
    assert states(here.schedules([need(schedule)])) == [(state, found)]


@pytest.mark.parametrize("cron", ["0 2 1 * 0", "61 * * * *", "hourly"])
def test_schedule_that_quartz_cannot_say_fails(cron: str) -> None:
    assert [finding.state for finding in here.schedules([need({"cron_expression": cron})])] == [State.FAILED]


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, "OK"), (60, "OK"), (61, "WARNING"), (-61, "WARNING"), (300, "WARNING"), (301, "FAILED"), (-301, "FAILED")],
)
def test_clock_skew_warns_after_a_minute_and_fails_after_five(seconds: int, state: str) -> None:
    assert judge_skew(timedelta(seconds=seconds)).state == state


def test_clock_that_is_behind_is_told_from_one_ahead() -> None:
    assert judge_skew(timedelta(seconds=90)).found == "this machine is 90 s behind the workspace"
    assert judge_skew(timedelta(seconds=-90)).found == "this machine is 90 s ahead of the workspace"


AZURE = {"Standard_D4s_v5": False, "Standard_DS3_v2": True}


@pytest.mark.parametrize(
    ("name", "state", "found"),
    [
        ("Standard_D4s_v5", "OK", "Standard_D4s_v5"),
        ("Standard_DS3_v2", "WARNING", "node type 'Standard_DS3_v2' is deprecated"),
        ("m6i.xlarge", "FAILED", "the workspace has no node type 'm6i.xlarge'; it looks like one of aws"),
        ("n2-standard-4", "FAILED", "the workspace has no node type 'n2-standard-4'; it looks like one of gcp"),
        ("Standard_D999", "FAILED", "the workspace has no node type 'Standard_D999'"),
    ],
)
def test_node_type_has_to_be_one_of_the_cloud(name: str, state: str, found: str) -> None:
    assert states([judge_node_type(name, AZURE)]) == [(state, found)]


def raising(error: Exception) -> Callable[[], Iterator[Finding]]:
    def check() -> Iterator[Finding]:
        yield Finding.ok("the first thing")
        raise error

    return check


@pytest.mark.parametrize(
    ("error", "state", "found"),
    [
        (TemporarilyUnavailable("busy"), "NO ANSWER", "the workspace has no time: busy"),
        (InternalError("broken"), "NO ANSWER", "the workspace has no time: broken"),
        (TimeoutError("Timed out after 0:00:20"), "NO ANSWER", "no answer (TimeoutError)"),
        (RequestsConnectionError("reset"), "NO ANSWER", "no answer (ConnectionError)"),
        (PermissionDenied("not yours. Config: host=x, token=planted"), "FAILED", "permission is denied: not yours."),
        (BadRequest("malformed\nsecond line"), "FAILED", "malformed"),
        (ConfigurationError("spark_version is wrong"), "FAILED", "spark_version is wrong"),
    ],
)
def test_check_that_breaks_becomes_a_finding_beside_what_it_found(error: Exception, state: str, found: str) -> None:
    findings = doctor.checked("volume", raising(error))
    assert [(one.check, str(one.state), one.found) for one in findings] == [("volume", "OK", "the first thing"), ("volume", state, found)]


def access(**change: Any) -> Access:
    return Access(**{"kind": "schema", "name": "dev.flights", "owner": "bob@example.com"} | change)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (access(owner="ann@example.com"), Finding.ok("schema dev.flights: ann@example.com owns it")),
        (access(owner="ml"), Finding.ok("schema dev.flights: ann@example.com owns it")),
        (access(held=frozenset({"USE_SCHEMA", "CREATE_MODEL", "SELECT"})), Finding.ok("schema dev.flights: USE SCHEMA, CREATE MODEL")),
        (access(held=frozenset({"ALL_PRIVILEGES"})), Finding.ok("schema dev.flights: USE SCHEMA, CREATE MODEL")),
        (
            access(held=frozenset({"USE_SCHEMA"})),
            Finding.failed(
                "schema dev.flights: ann@example.com lacks CREATE MODEL",
                "Ask bob@example.com: GRANT CREATE MODEL ON SCHEMA dev.flights TO `ann@example.com`.",
            ),
        ),
        (
            access(container_owned=True),
            Finding.warning(
                "schema dev.flights: ann@example.com lacks USE SCHEMA, CREATE MODEL, and owns what it lies in",
                "Give it to yourself: GRANT USE SCHEMA, CREATE MODEL ON SCHEMA dev.flights TO `ann@example.com`.",
            ),
        ),
        (
            access(owner=""),
            Finding.failed(
                "schema dev.flights: ann@example.com lacks USE SCHEMA, CREATE MODEL",
                "Ask its owner: GRANT USE SCHEMA, CREATE MODEL ON SCHEMA dev.flights TO `ann@example.com`.",
            ),
        ),
    ],
)
def test_privileges_are_judged_by_what_is_in_effect(held: Access, expected: Finding) -> None:
    assert decide(held, ["USE_SCHEMA", "CREATE_MODEL"], ANN) == expected


@pytest.mark.parametrize(
    ("owner", "held", "state"),
    [
        ("ann@example.com", frozenset(), "OK"),
        ("ml", frozenset(), "OK"),
        ("account users", frozenset(), "OK"),
        ("bob@example.com", frozenset({"ALL_PRIVILEGES", "MANAGE", "EXECUTE"}), "FAILED"),
        ("", frozenset(), "FAILED"),
    ],
)
def test_alias_is_set_by_an_owner_alone(owner: str, held: frozenset[str], state: str) -> None:
    assert decide_alias(Access("model", "dev.flights.delay", owner, held), ANN).state == state


def test_what_is_wanted_follows_from_stack_and_model_files() -> None:
    volume = ("main", "stackhouse", "artifacts")
    found = wanted(volume, {"main.flights.delay": "a.yaml"}, {"main.flights.features": "a.yaml"}, tables_in_catalog=True)
    assert found == [
        Wanted("catalog", "main", ("USE_CATALOG",), "the artifact store"),
        Wanted("schema", "main.stackhouse", ("USE_SCHEMA",), "the artifact store"),
        Wanted("schema", "main.flights", ("USE_SCHEMA", "CREATE_MODEL", "CREATE_TABLE"), "a.yaml"),
        Wanted("volume", "main.stackhouse.artifacts", ("READ_VOLUME", "WRITE_VOLUME"), "the artifact store"),
        Wanted("table", "main.flights.features", ("SELECT", "MODIFY"), "a.yaml", optional=True),
        Wanted("model", "main.flights.delay", ("EXECUTE",), "a.yaml", optional=True),
    ]


def test_tables_outside_the_catalog_need_no_grants() -> None:
    assert wanted(None, {}, {"main.flights.features": "a.yaml"}, tables_in_catalog=False) == []


def test_volume_is_read_from_the_path_of_the_artifact_store() -> None:
    assert (stack().volume, stack().volume_path) == (("main", "stackhouse", "artifacts"), "/Volumes/main/stackhouse/artifacts/team")
    assert stack(artifact_store=Component("local", {"path": "/x"})).volume is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost", True),
        ("http://[::1]:8", True),
        (HOST, False),
        ("http://127.0.0.1.example.com", False),
        ("", False),
    ],
)
def test_loopback_is_told_by_the_name_of_the_host(address: str, expected: bool) -> None:
    assert on_loopback(address) is expected


@pytest.mark.parametrize(
    ("given", "host"), [("adb-1.2.azuredatabricks.net", HOST), (f"{HOST}/", HOST), ("http://127.0.0.1:1", "http://127.0.0.1:1"), ("", "")]
)
def test_host_is_taken_as_the_sdk_takes_it(given: str, host: str) -> None:
    assert stack(orchestrator=Component("stackhouse_databricks", {"host": given})).host == host


def test_wrong_configuration_is_told_without_its_values() -> None:
    wrong = stack(orchestrator=Component("stackhouse_databricks", {"host": HOST, "compute": "planted-secret"}))
    with pytest.raises(ConfigurationError, match="compute: Input should be") as refused:
        wrong.settings()
    assert "planted-secret" not in str(refused.value)


def test_token_is_in_no_repr() -> None:
    direct = stack(orchestrator=Component("stackhouse_databricks", {"host": HOST, "token": "{{s.token}}"}))
    examined = ExaminedStack(direct.name, direct.components, secrets={"{{s.token}}": "planted-secret"})
    credentials = examined.credentials()
    assert credentials.token == "planted-secret"  # noqa: S105 - planted
    assert "planted-secret" not in repr(credentials) + repr(examined)


def test_missing_secret_is_named() -> None:
    direct = stack(orchestrator=Component("stackhouse_databricks", {"host": HOST, "token": "{{nowhere.token}}"}))
    with pytest.raises(ConfigurationError, match=r"refers to the ZenML secret 'nowhere' \(key 'token'\)"):
        direct.credentials()
