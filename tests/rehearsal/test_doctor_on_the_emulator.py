"""`stackhouse doctor rehearsal` against an emulated workspace: all in order, then one thing broken at a time."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from zenml.client import Client

from commands import doctor as command
from commands.effective_model import Flags
from rehearsal.emulator.server import serving
from rehearsal.emulator.workspace import Workspace
from rehearsal.zenml_server import zenml_server
from stackhouse.errors import ConfigurationError
from stackhouse.findings import Diagnosis, Finding, State
from stacks.databricks import doctor, doctor_here
from stacks.databricks.client import workspace_client
from stacks.databricks.doctor_here import Need, ZenmlServer
from stacks.databricks.doctor_stack import of_definition
from stacks.definition import read_definition
from tests.conftest import PROJECT

NEED = Need("delay.yaml", "dev.flights.delay", ("dev.flights.features", "dev.flights.labels"), "/Shared/delay")
OTHER = "bob@example.com"
ME = "rehearsal@localhost"


@pytest.fixture(autouse=True)
def environment(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace as an administrator leaves it, the variables of a rehearsal, and a ZenML server that counts as remote."""
    for name in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(name)
    workspace.catalog.create_schema("main", "stackhouse")
    workspace.catalog.create_volume("main", "stackhouse", "artifacts")
    workspace.catalog.create_catalog("dev")
    workspace.catalog.create_schema("dev", "flights")
    workspace.secrets.create_scope("stackhouse")
    runtime = "15.4.x-scala2.12" if sys.version_info[:2] == (3, 11) else "16.4.x-scala2.12"
    for name, value in {"DATABRICKS_HOST": workspace.host, "DATABRICKS_TOKEN": workspace.token, "REHEARSAL_RUNTIME": runtime}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(doctor_here, "read_server", lambda: ZenmlServer("http://127.0.0.1:8237", doctor_here.version("zenml")))
    monkeypatch.setattr(doctor, "RETRY_SECONDS", 1)


def examined(**kwargs: object) -> Diagnosis:
    return doctor.examine(of_definition(read_definition("rehearsal")), [NEED], **kwargs)


def wrong(diagnosis: Diagnosis) -> list[tuple[str, str, str]]:
    """Check, state and what was found, of whatever is not in order."""
    return [(one.check, str(one.state), one.found) for one in diagnosis.findings if one.state is not State.OK]


def not_checked(diagnosis: Diagnosis) -> set[str]:
    return {one.check for one in diagnosis.findings if one.state is State.NOT_CHECKED}


def test_stack_in_order_has_no_finding(workspace: Workspace) -> None:
    diagnosis = examined()
    assert wrong(diagnosis) == []
    assert diagnosis.exit_code == 0
    assert list(dict.fromkeys(one.check for one in diagnosis.findings)) == [
        "components",
        "ZenML server",
        "libraries",
        "wheel",
        "runtime's Python",
        "schedules",
        "workspace",
        "clock",
        "runtime",
        "node type",
        "cluster policy",
        "secret scope",
        "grants",
        "folders",
        "volume",
    ]
    assert {one.path for one in workspace.unknown_requests} <= {"/.well-known/databricks-config"}


def test_examination_leaves_nothing_behind(workspace: Workspace) -> None:
    examined()
    client = workspace_client(of_definition(read_definition("rehearsal")).credentials())
    assert list(client.files.list_directory_contents("/Volumes/main/stackhouse/artifacts")) == []
    assert list(client.secrets.list_secrets("stackhouse")) == []


def other_owner(*objects: tuple[str, str]) -> Callable[[Workspace], None]:
    def change(workspace: Workspace) -> None:
        for kind, name in objects:
            workspace.catalog.get(kind, name).owner = OTHER

    return change


def change_to(**attributes: object) -> Callable[[Workspace], None]:
    def change(workspace: Workspace) -> None:
        for name, value in attributes.items():
            setattr(workspace.compute, name, value)

    return change


def model_of_another(workspace: Workspace) -> None:
    workspace.catalog.create_model("dev.flights.delay", owner=OTHER)
    workspace.catalog.grant("model", "dev.flights.delay", ME, "EXECUTE")


BROKEN: dict[str, tuple[Callable[[Workspace], object], list[tuple[str, str, str]]]] = {
    "another cloud": (
        change_to(cloud="azure"),
        [("node type", "FAILED", "the workspace has no node type 'm6i.xlarge'; it looks like one of aws")],
    ),
    "no policy": (
        change_to(policies={}),
        [
            (
                "cluster policy",
                "WARNING",
                "none is named and there is no 'Job Compute', so a job cluster needs the right to create clusters without a policy",
            )
        ],
    ),
    "no volume": (
        lambda workspace: workspace.catalog.delete("volume", "main.stackhouse.artifacts"),
        [
            ("grants", "FAILED", f"volume main.stackhouse.artifacts does not exist, or {ME} may not see it"),
            ("volume", "FAILED", "there is no volume main.stackhouse.artifacts"),
        ],
    ),
    "no schema": (
        lambda workspace: workspace.catalog.delete("schema", "dev.flights"),
        [("grants", "FAILED", f"schema dev.flights does not exist, or {ME} may not see it")],
    ),
    "no catalog": (
        lambda workspace: workspace.catalog.delete("catalog", "dev", force=True),
        [
            ("grants", "FAILED", f"catalog dev does not exist, or {ME} may not see it"),
            ("grants", "NOT CHECKED", "schema dev.flights: what it lies in does not exist or cannot be seen"),
        ],
    ),
    "no grants": (
        other_owner(("catalog", "dev"), ("schema", "dev.flights")),
        [
            ("grants", "FAILED", f"catalog dev: {ME} lacks USE CATALOG"),
            ("grants", "FAILED", f"schema dev.flights: {ME} lacks USE SCHEMA, CREATE MODEL"),
        ],
    ),
    "own catalog, another's schema": (
        other_owner(("schema", "dev.flights")),
        [("grants", "WARNING", f"schema dev.flights: {ME} lacks USE SCHEMA, CREATE MODEL, and owns what it lies in")],
    ),
    "another's model": (
        model_of_another,
        [("grants", "FAILED", f"model dev.flights.delay: {OTHER} owns it, so {ME} may not set its aliases")],
    ),
    "no scope": (
        lambda workspace: workspace.secrets.scopes.clear(),
        [("secret scope", "FAILED", "there is no secret scope 'stackhouse'")],
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_one_broken_thing_is_the_one_finding(workspace: Workspace, what: str) -> None:
    broken, expected = BROKEN[what]
    broken(workspace)
    diagnosis = examined()
    assert wrong(diagnosis) == expected
    assert diagnosis.exit_code == (2 if any(state == "FAILED" for _, state, _ in expected) else 0)


@pytest.mark.parametrize(
    "granted",
    [
        [("catalog", "dev", "USE CATALOG", "USE SCHEMA", "CREATE MODEL")],
        [("catalog", "dev", "ALL PRIVILEGES")],
        [("catalog", "dev", "USE CATALOG"), ("schema", "dev.flights", "USE SCHEMA", "CREATE MODEL")],
    ],
)
def test_inherited_privileges_count(workspace: Workspace, granted: list[tuple[str, ...]]) -> None:
    other_owner(("catalog", "dev"), ("schema", "dev.flights"))(workspace)
    for kind, name, *privileges in granted:
        workspace.catalog.grant(kind, name, ME, *privileges)
    assert wrong(examined()) == []


def test_privileges_of_all_users_count_and_those_of_another_do_not(workspace: Workspace) -> None:
    other_owner(("catalog", "dev"))(workspace)
    workspace.catalog.grant("catalog", "dev", OTHER, "ALL PRIVILEGES")
    assert [check for check, _, _ in wrong(examined())] == ["grants"]
    workspace.catalog.grant("catalog", "dev", "account users", "USE CATALOG")
    assert wrong(examined()) == []


@pytest.mark.parametrize(
    ("minutes", "state", "side"),
    [(3, "WARNING", "ahead of"), (-3, "WARNING", "behind"), (6, "FAILED", "ahead of")],
)
def test_clock_that_is_off_is_found(minutes: int, state: str, side: str) -> None:
    seen = wrong(examined(now=lambda: datetime.now(UTC) + timedelta(minutes=minutes)))
    assert [(check, how) for check, how, _ in seen] == [("clock", state)]
    told = re.fullmatch(r"this machine is (\d+) s (behind|ahead of) the workspace", seen[0][2])
    assert told
    assert told[2] == side
    assert abs(int(told[1]) - abs(minutes) * 60) <= 2  # the date of an answer has no fractions of a second


REMOTE_CHECKS = {"clock", "runtime", "node type", "cluster policy", "secret scope", "grants", "folders", "volume"}


def only_finding(diagnosis: Diagnosis) -> Finding:
    """The one finding that is not in order; what follows was not checked."""
    assert not_checked(diagnosis) == REMOTE_CHECKS
    [finding] = [one for one in diagnosis.findings if one.state not in {State.OK, State.NOT_CHECKED}]
    return finding


def test_wrong_token_is_one_finding_that_does_not_repeat_it(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "planted-token")
    diagnosis = examined()
    assert only_finding(diagnosis).found == f"{workspace.host} does not take the token: it is wrong or has expired"
    assert diagnosis.exit_code == 2
    assert "planted-token" not in repr(diagnosis)


@contextmanager
def other_server(status: int, body: bytes) -> Iterator[str]:
    """A server that is not a workspace."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>Welcome</html>"), (404, b"<html>Not found</html>"), (200, b"{}"), (200, b"[]")])
def test_host_that_is_no_workspace_is_one_finding(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes) -> None:
    with other_server(status, body) as host:
        monkeypatch.setenv("DATABRICKS_HOST", host)
        diagnosis = examined()
    assert only_finding(diagnosis).found == f"{host} answers, but not as a Databricks workspace does"
    assert diagnosis.exit_code == 2


def test_host_that_does_not_answer_leaves_with_5(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    diagnosis = examined()
    assert only_finding(diagnosis).state is State.NO_ANSWER
    assert diagnosis.exit_code == 5


@pytest.mark.parametrize("host", ["ftp://x", "file:///etc"])
def test_host_that_is_no_address_is_one_finding(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", host)
    diagnosis = examined()
    assert ("workspace", "FAILED", f"'{host}' is no address of a workspace") in wrong(diagnosis)
    assert not_checked(diagnosis) == REMOTE_CHECKS


def test_workspace_that_is_busy_for_long_leaves_with_5(workspace: Workspace) -> None:
    workspace.faults.plan("503", "GET", "scim", times=1000)
    diagnosis = examined()
    assert only_finding(diagnosis).state is State.NO_ANSWER
    assert diagnosis.exit_code == 5


def test_check_that_breaks_off_does_not_end_the_examination(workspace: Workspace) -> None:
    workspace.faults.plan("503", "GET", "policies", times=1000)
    assert [(check, state) for check, state, _ in wrong(examined())] == [("cluster policy", "NO ANSWER")]


def test_environment_of_another_way_of_authentication_does_not_disturb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "x")
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", "y")
    assert wrong(examined()) == []


def test_table_says_what_to_do_and_leaves_with_2(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.secrets.scopes.clear()
    code = command.examine("rehearsal", [PROJECT / "configs" / "models" / "flight_delay.yaml"])
    table = capsys.readouterr().out
    assert code == 2
    assert "there is no secret scope 'stackhouse'" in table
    assert "→ Make it: `databricks secrets create-scope stackhouse`." in table
    assert "1 FAILED" in table
    assert workspace.token not in table


def test_model_file_that_was_named_and_is_wrong_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text("parameters: {}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"model\.yaml is not a valid model file"):
        command.examine("rehearsal", [file])


def test_environment_says_whose_grants_are_asked_for(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    file = PROJECT / "configs" / "models" / "flight_delay.yaml"
    assert command.examine("rehearsal", [file], Flags(environment="prod")) == 2
    assert "mlops_prod" in capsys.readouterr().out
    assert command.examine("rehearsal", [file], Flags(environment="prod", catalog="dev", schema="flights")) == 0


def test_unknown_environment_is_refused_once(workspace: Workspace) -> None:
    with pytest.raises(ConfigurationError, match="--environment is 'night'"):
        command.examine("rehearsal", flags=Flags(environment="night"))
    assert workspace.requests == []


def test_unknown_stack_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="There is no stack 'nowhere'"):
        command.examine("nowhere")


def test_local_stack_needs_no_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    diagnosis = doctor.examine(of_definition(read_definition("local")), [NEED])
    assert wrong(diagnosis) == [("workspace", "NOT CHECKED", "'local' runs in no Databricks workspace")]
    assert next(one.found for one in diagnosis.findings if one.check == "ZenML server").startswith("sqlite:///")
    assert workspace.requests == []


def test_active_stack_is_examined_where_none_is_named(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    command.examine(None)
    assert f"Stack {Client().active_stack_model.name}" in capsys.readouterr().out
    assert workspace.requests == []


def test_command_on_a_real_zenml_server_finds_everything_in_order(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from commands import settings; settings.apply(); from commands.doctor import examine; "
        "sys.exit(examine('rehearsal', [Path('configs/models/flight_delay.yaml')]))"
    )
    with zenml_server(tmp_path / "server") as variables:
        own = {"STACKHOUSE_HOME": str(tmp_path / "home"), "ZENML_CONFIG_PATH": str(tmp_path / "client")}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=PROJECT,
            env=os.environ | own | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert "FAILED" not in done.stdout
    assert f"{variables['ZENML_STORE_URL']}, version" in done.stdout


def test_secret_of_a_stack_that_is_up_is_used(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    Client().create_secret("stackhouse_rehearsal", {"token": workspace.token})
    try:
        monkeypatch.delenv("DATABRICKS_TOKEN")
        assert wrong(examined()) == []
    finally:
        Client().delete_secret("stackhouse_rehearsal")


def test_missing_secret_is_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_TOKEN")
    assert only_finding(examined()).found.startswith("The stack 'rehearsal' refers to the ZenML secret 'stackhouse_rehearsal'")


def test_token_of_one_workspace_does_not_open_another(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Workspace(tmp_path / "other")) as host:
        monkeypatch.setenv("DATABRICKS_HOST", host)
        assert "does not take the token" in only_finding(examined()).found
