"""`stackhouse cost`: shipped and foreign price tables, and step times read from a real ZenML store."""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from zenml import pipeline, step
from zenml.client import Client

from commands.cost import measured, newest_prices, preview, read_prices
from stackhouse.cost_preview import PriceTable
from stackhouse.errors import ConfigurationError
from tests.conftest import PROJECT

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # ZenML's own, in its list of runs

MODEL_FILE = PROJECT / "configs" / "models" / "flight_delay.yaml"
TABLES = sorted((PROJECT / "configs" / "prices").glob("*.yaml"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_shipped_table_is_valid_and_named_by_cloud_and_date(path: Path) -> None:
    table = read_prices(path)
    assert path.stem == f"{table.cloud}_{table.date}"


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
def test_shipped_table_has_the_default_node_of_its_cloud(cloud: Any) -> None:
    from stacks.databricks.runtimes import NODE_TYPES

    assert NODE_TYPES[cloud] in read_prices(newest_prices(cloud)).node_types


def test_newest_table_is_taken(tmp_path: Path) -> None:
    for day in ("2026-04-10", "2027-01-01", "2026-12-31"):
        (tmp_path / f"aws_{day}.yaml").touch()
    assert newest_prices("aws", tmp_path).name == "aws_2027-01-01.yaml"


def test_cloud_without_prices_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"no prices of 'ibm' in .*; there are \['aws', 'azure', 'gcp'\]"):
        newest_prices("ibm")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cloud: [", "is not a price table that can be read"),
        ("cloud: aws", "is not a valid price table:\n  - region: Field required"),
        ("", "is not a valid price table"),
    ],
)
def test_table_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        preview(MODEL_FILE, file)


def test_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml is not a price table that can be read"):
        preview(MODEL_FILE, tmp_path / "none.yaml")


def test_pipelines_that_were_not_run_name_the_command_that_measures(tmp_path: Path) -> None:
    content = yaml.safe_load(MODEL_FILE.read_text(encoding="utf-8"))
    content["parameters"]["model"]["name"] = "never_run"
    file = tmp_path / "never_run.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=r"No run of feature_engineering for dev\.flights\.never_run .* `stackhouse run .*never_run\.yaml`"
    ):
        preview(file)


def test_unknown_node_type_is_refused_before_the_store_is_read() -> None:
    with pytest.raises(ConfigurationError, match="no node type 'huge'"):
        preview(MODEL_FILE, node_type="huge")


@step
def slow_step() -> int:
    time.sleep(1.2)
    return 1


@step
def quick_step(number: int) -> int:
    return number


@step
def failing_step(number: int) -> int:
    raise RuntimeError(number)


@pipeline(name="cost_of_a_tiny_model")
def tiny(model: dict[str, str], fail: bool = False, another_step: bool = False) -> None:
    number = slow_step()
    if another_step:
        quick_step(number, id="another_step")
    if fail:
        failing_step(number)
    else:
        quick_step(number)


def run_tiny(name: str, **parameters: Any) -> None:
    tiny.with_options(enable_cache=True)(model={"catalog": "dev", "schema_name": "cost", "name": name}, **parameters)


def test_steps_are_measured_from_the_newest_run_of_the_model_and_cached_ones_where_they_were_computed() -> None:
    before = Client().active_stack_model.name
    Client().activate_stack("default")
    try:
        run_tiny("model_a")
        run_tiny("model_a")  # from the cache
        run_tiny("model_b", another_step=True)  # newer
        with pytest.raises(RuntimeError):
            run_tiny("model_a", fail=True)
        newest_of_a = Client().list_pipeline_runs(pipeline_name="cost_of_a_tiny_model")[2]
        assert {str(one.status) for one in newest_of_a.steps.values()} == {"cached"}
        found = measured("cost_of_a_tiny_model", "dev.cost.model_a", Path("model.yaml"))
    finally:
        Client().activate_stack(before)
    assert list(found) == ["slow_step", "quick_step"]
    assert 1.2 <= found["slow_step"] < 30
    assert 0 < found["quick_step"] < found["slow_step"] + 30


def test_table_is_printed_with_sums_and_assumptions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    steps = {"feature_engineering": {"load_source": 100.0}, "training": {"tune": 50.0}}
    monkeypatch.setattr("commands.cost.measured", lambda pipeline, _model, _file: steps[pipeline])
    assert preview(MODEL_FILE, cloud="aws", workers=1, startup_minutes=6) == 0
    printed = capsys.readouterr().out
    assert "Cost preview of dev.flights.flight_delay, in USD" in printed
    # (360 + 120 + 108) s and (360 + 120 + 58) s at 2 nodes of 0.15 + 0.192 an hour
    assert "1126" in printed
    assert f"{1126 * 2 * 0.342 / 3600:.4f}" == "0.2139"
    assert "0.2139" in printed
    assert "- Cluster: 2 × m6i.xlarge, driver and workers." in printed
    assert "- Not confirmed: serverless DBU an hour" in printed


@pytest.mark.parametrize(("host", "cloud"), [("https://adb-1.2.azuredatabricks.net", "azure"), ("https://1.2.gcp.databricks.com", "gcp")])
def test_cloud_is_that_of_the_workspace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str, cloud: str) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", host)
    monkeypatch.setattr("commands.cost.measured", lambda *_: {"one": 1.0})
    preview(MODEL_FILE)
    assert f"List prices of {cloud}," in capsys.readouterr().out


def test_every_figure_says_where_it_is_from() -> None:
    tables: list[PriceTable] = [read_prices(path) for path in TABLES]
    figures = [figure for table in tables for node in table.node_types.values() for figure in (node.dbu_per_hour, node.vm_per_hour)]
    assert len(figures) == 12
    assert all(len(figure.source) > 20 for figure in figures)
