"""Who is told where a job fails: the address of the environment's file, on Databricks alone."""

from pathlib import Path

import pytest

import commands.alerts
import commands.working
from commands.alerts import with_alerts
from commands.effective_model import Flags, read_model
from commands.environments import read_environment
from commands.model_file import read_run_configuration
from stackhouse.environments import Environment
from tests.conftest import PROJECT

DELAY = PROJECT / "configs/models/flight_delay.yaml"


@pytest.fixture
def on_databricks(monkeypatch: pytest.MonkeyPatch) -> None:
    """An active stack that runs on Databricks, and addresses for two of the environments."""
    addresses = {"aut": "qa@company.com", "prod": "on-call@company.com"}

    def read(name: str) -> Environment:
        found = read_environment(name)
        return found.model_copy(update={"alert_address": addresses.get(found.environment, "")})

    monkeypatch.setattr(commands.alerts, "read_environment", read)
    monkeypatch.setattr(commands.alerts, "_on_databricks", lambda: True)


@pytest.mark.usefixtures("on_databricks")
def test_the_address_of_the_environment_is_a_setting_of_the_job() -> None:
    assert with_alerts({}, "aut") == {"orchestrator": {"alert_address": "qa@company.com"}}
    assert with_alerts({"orchestrator": {"num_workers": 2}}, "prod") == {
        "orchestrator": {"num_workers": 2, "alert_address": "on-call@company.com"}
    }
    assert with_alerts({"orchestrator.stackhouse_databricks": {"num_workers": 2}}, "prod") == {
        "orchestrator.stackhouse_databricks": {"num_workers": 2, "alert_address": "on-call@company.com"}
    }


@pytest.mark.usefixtures("on_databricks")
def test_where_the_environment_names_nobody_nothing_is_set() -> None:
    assert with_alerts({"docker": {}}, "dev") == {"docker": {}}


@pytest.mark.usefixtures("on_databricks")
def test_elsewhere_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands.alerts, "_on_databricks", lambda: False)
    assert with_alerts({}, "prod") == {}


@pytest.mark.usefixtures("on_databricks")
def test_a_model_file_run_in_an_environment_has_its_address(tmp_path: Path) -> None:
    written = read_run_configuration(read_model(DELAY, Flags(environment="prod")).write(tmp_path))
    assert written["settings"]["orchestrator"] == {"alert_address": "on-call@company.com"}
    alone = read_run_configuration(read_model(DELAY, Flags(catalog="mine")).write(tmp_path))
    assert "settings" not in alone


@pytest.mark.usefixtures("on_databricks")
def test_the_four_commands_hand_the_address_on(tmp_path: Path) -> None:
    class Pipeline:
        name = "validation"
        settings: object = None

        def with_options(self, *, settings: object) -> "Pipeline":
            self.settings = settings
            return self

        def __call__(self, parameter: object) -> object:
            return parameter, self.settings

    def run(environment: str) -> object:
        return commands.working.run_pipeline(Pipeline(), "request", tmp_path / "log", environment)

    assert run("prod") == ("request", {"orchestrator": {"alert_address": "on-call@company.com"}})
    assert run("dev") == ("request", None)
