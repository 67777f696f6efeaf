"""The bundle's job on the emulator, as the CLI deploys it: each task in a clean environment, conditions by what the tasks say."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
import yaml
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import JobSettings, RunResultState
from databricks.sdk.service.workspace import ImportFormat

from commands.bundle import setup
from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.models import registered
from rehearsal.session import RUNTIMES, Session, rehearsing
from stacks.databricks.bundle import bundle, resolve
from stacks.databricks.bundle_build import build
from stacks.databricks.bundle_job import WHEEL, define
from stacks.databricks.check_job import check_job
from tests.conftest import CLUSTER_ENVIRONMENTS, PROJECT
from tests.pipelines.conftest import small_model
from tests.stacks.test_bundle import COMMIT, FILES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """An emulated workspace with the stack `rehearsal`, the secrets that the bundle asks for, and what a deployment uploads."""
    folder = tmp_path_factory.mktemp("bundle_on_the_emulator")
    with rehearsing(folder / "rehearsal", [("mlops_prod", "my_model")], CLUSTER_ENVIRONMENTS) as session:
        command = [sys.executable, "-m", "commands.main", "stack", "up", "rehearsal"]
        subprocess.run(command, cwd=PROJECT, env=session.environment(), timeout=180, check=True, capture_output=True)
        client = WorkspaceClient(host=session.workspace.host, token=session.workspace.token)
        client.secrets.put_secret("stackhouse", "zenml-store-url", string_value=session.zenml["ZENML_STORE_URL"])
        client.secrets.put_secret("stackhouse", "zenml-api-key", string_value=session.zenml["ZENML_STORE_API_KEY"])
        wheel = build(f"{sys.version_info[0]}.{sys.version_info[1]}", folder / "built")
        model = yaml.safe_dump(small_model("any"))
        for path, content in {
            f"{FILES}/configs/models/flight_delay.yaml": model.encode(),
            f"{FILES}/build/bundle/requirements.txt": (wheel.parent / "requirements.txt").read_bytes(),
            f"{FILES}/{wheel.name}": wheel.read_bytes(),
        }.items():
            client.workspace.mkdirs(path.rpartition("/")[0])
            client.workspace.upload(path, content, format=ImportFormat.AUTO, overwrite=True)
        yield session


def run_on_the_emulator(session: Session, monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, str]:
    """Deploy the job for the target prod and run it as the CLI would, with some variables given; return how each task ended."""
    monkeypatch.setenv("REHEARSAL_RUNTIME", RUNTIMES[sys.version_info[:2]])
    client = WorkspaceClient(host=session.workspace.host, token=session.workspace.token)
    wheel = next(str(item.path) for item in client.workspace.list(FILES) if str(item.path).endswith(".whl"))
    files = bundle(setup("rehearsal"))
    files["targets"]["prod"]["variables"] |= variables
    known = {"workspace.file_path": FILES, "bundle.git.commit": COMMIT}
    job = json.loads(json.dumps(resolve(define(setup("rehearsal")), files, "prod", known)).replace(WHEEL, wheel))
    assert check_job(job) == []
    given = JobSettings.from_dict(job)
    job_id = client.jobs.create(**{name: getattr(given, name) for name in job}).job_id
    assert job_id is not None
    run = client.jobs.run_now(job_id).result(timedelta(minutes=9))
    assert run.state is not None
    errors = {task.task_key: client.jobs.get_run_output(int(task.run_id or 0)).error for task in run.tasks or []}
    assert run.state.result_state is RunResultState.SUCCESS, errors
    return {str(task.task_key): str(task.state.result_state.value) for task in run.tasks or [] if task.state and task.state.result_state}


@pytest.mark.timeout(1500)
def test_job_registers_everywhere_and_deploys_in_prod_alone(rehearsal: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "mlops_prod.my_model.my_classifier"
    ends = run_on_the_emulator(rehearsal, monkeypatch, environment="dev", baseline_f1_score="0.01")
    assert {task for task, end in ends.items() if end == "EXCLUDED"} == {"deploy_model"}
    assert {end for task, end in ends.items() if task != "deploy_model"} == {"SUCCESS"}
    found = registered(rehearsal.workspace, name)
    assert (found.aliases, sorted(found.versions)) == ({"latest-model": 1}, [1])
    assert {key: found.versions[1].tags[key] for key in ("environment", "git_sha")} == {"environment": "dev", "git_sha": COMMIT}

    ends = run_on_the_emulator(rehearsal, monkeypatch, environment="prod", baseline_f1_score="0.01")
    assert (set(ends.values()), len(ends)) == ({"SUCCESS"}, 9)
    found = registered(rehearsal.workspace, name)
    assert (found.aliases, sorted(found.versions)) == ({"latest-model": 2, "champion": 2}, [1, 2])
    assert {number: found.versions[number].tags["environment"] for number in (1, 2)} == {1: "dev", 2: "prod"}


@pytest.mark.timeout(900)
def test_job_registers_nothing_where_training_did_not_improve(rehearsal: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = run_on_the_emulator(rehearsal, monkeypatch, model_name="below", baseline_f1_score="0.99")
    assert {task for task, end in ends.items() if end == "SUCCESS"} == {"prepare_data", "train_model", "improved"}
    assert {end for task, end in ends.items() if task not in {"prepare_data", "train_model", "improved"}} == {"EXCLUDED"}
    with pytest.raises(ApiError, match="below"):
        registered(rehearsal.workspace, "mlops_prod.my_model.below")


def test_no_secret_stands_in_a_definition_or_a_log(rehearsal: Session) -> None:
    planted = {rehearsal.workspace.token, rehearsal.zenml["ZENML_STORE_API_KEY"]}
    logs = list((rehearsal.folder / "workspace" / "runs").rglob("*.log"))
    definitions = json.dumps([job.settings for job in rehearsal.workspace.jobs.jobs.values()])
    assert logs
    assert [secret for secret in planted if secret in definitions] == []
    assert [log.name for log in logs for secret in planted if secret in log.read_text(encoding="utf-8", errors="replace")] == []
