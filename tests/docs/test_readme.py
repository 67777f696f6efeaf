"""The README says what is so: its commands exist, its files are there, its screen is what a run prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from commands.main import app
from commands.model_file import read_model_file
from stacks.definition import read_definition
from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
DURATION = re.compile(r"\s+[\d.]+(?:ms|s|m)(?:\s*[\d.]+s)?$", re.MULTILINE)
AUC_OF_THE_REFERENCE_SCRIPT = 0.666


def words(text: str) -> list[str]:
    """The words of an output, without durations and wherever its lines wrap."""
    return DURATION.sub("", text).split()


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The output of the main job on all of the real data, in a fresh home."""
    home = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "STACKHOUSE_HOME": str(home), "ZENML_CONFIG_PATH": str(home / "zenml")}
    command = [sys.executable, "-m", "commands.main", "run", "configs/models/flight_delay.yaml"]
    run = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_screen_in_the_readme_is_what_the_run_prints(screen: str) -> None:
    shown = next(body for language, body in BLOCKS if language == "text" and "Rows read" in body)
    assert words(shown) == words(screen)


def test_the_time_ordered_auc_reaches_that_of_the_reference_script(screen: str) -> None:
    found = re.search(r"^roc_auc +(\d\.\d+) +(\d\.\d+)", screen, re.MULTILINE)
    assert float(found[1]) >= AUC_OF_THE_REFERENCE_SCRIPT


def test_a_random_split_promises_more_than_time_keeps(screen: str) -> None:
    found = re.search(r"^roc_auc +(\d\.\d+) +(\d\.\d+)", screen, re.MULTILINE)
    assert float(found[2]) > float(found[1])


def test_bare_make_explains_itself() -> None:
    told = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True).stdout
    targets = re.findall(r"^([a-z-]+):.*##", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(targets) >= 8
    assert [target for target in targets if f"make {target}" not in told] == []


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = [README, *(file.read_text(encoding="utf-8") for file in [PROJECT / "CONTRIBUTING.md", *(PROJECT / "docs").rglob("*.md")])]
    named = {target for page in pages for target in re.findall(r"(?:`|\$ )make ([a-z-]+)", page)}
    assert {"run", "test", "dashboard", "bench"} <= named
    assert named - targets == set()


@pytest.mark.parametrize(
    "command", [["--help"], ["run", "--help"], ["score", "--help"], ["stack", "up", "--help"], ["dashboard", "--help"]], ids=" ".join
)
def test_every_command_has_a_help(command: list[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "commands.main", *command], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True
    )
    assert "Usage: " in told.stdout


def test_every_stackhouse_command_in_the_readme_exists() -> None:
    named = set(re.findall(r"^\$ stackhouse ([a-z]+)", README, re.MULTILINE))
    assert named <= set(app)
    assert {"stack", "rehearse", "doctor"} <= named


def test_every_zenml_command_in_the_readme_names_a_pipeline_and_a_file_that_exist() -> None:
    named = re.findall(r"^\$ zenml pipeline run (\S+) -c (\S+)$", README, re.MULTILINE)
    assert len(named) == 4
    for source, file in named:
        module = source.rpartition(".")[0].replace(".", "/")
        assert (PROJECT / f"{module}.py").is_file()
        assert (PROJECT / file).is_file()


def test_every_folder_of_the_tree_exists_and_none_is_left_out() -> None:
    tree = next(body for language, body in BLOCKS if language == "text" and "pipelines/" in body)
    named = set(re.findall(r"^([a-z]+)/", tree, re.MULTILINE))
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split()
    assert named == {Path(file).parts[0] for file in listed if len(Path(file).parts) > 1 and not file.startswith(".")}


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("https://")]
    assert len(links) >= 4
    assert [link for link in links if not (PROJECT / link).exists()] == []


@pytest.mark.parametrize("file", sorted((PROJECT / "configs" / "models").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_shipped_model_file_is_valid(file: Path) -> None:
    assert read_model_file(file).name == file.stem


@pytest.mark.parametrize("file", sorted((PROJECT / "configs" / "stacks").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_shipped_stack_is_valid_and_has_the_four_kinds_of_component(file: Path) -> None:
    definition = read_definition(file.stem)
    assert set(definition.components) >= {"orchestrator", "artifact_store", "experiment_tracker", "feature_store"}


def test_the_lock_pins_every_package_with_a_hash_and_names_no_host() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (PROJECT / name).read_text(encoding="utf-8")
        packages = re.findall(r"^[a-z0-9-]+==\S+(?: ;[^\\]*)? \\\n    --hash=sha256:", text, re.MULTILINE)
        assert len(packages) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)) > 100
        assert "://" not in text
        assert "databricks-feature-engineering" not in text
        assert "nvidia" not in text


def test_the_gate_runs_what_the_readme_calls_for_tests() -> None:
    assert "make test" in (PROJECT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
