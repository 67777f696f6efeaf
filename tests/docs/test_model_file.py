"""docs/model-file.md and the README's way from a CSV file: every block is loaded, and the example is run."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter

from stackhouse.algorithms import Algorithm
from stackhouse.encoded_columns import Cut
from stackhouse.features import Churn, CostFeatures, Definition, FeatureDefinition, ReliabilityFeatures
from stackhouse.labels.rules import LabelRule
from stackhouse.spec import ModelSpec
from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "model-file.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml (\w+)\n(.*?)```", PAGE, re.DOTALL)
README = (PROJECT / "README.md").read_text(encoding="utf-8")
EXAMPLE = next(body for body in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if body.startswith("# churn.yaml"))


PARTS: dict[str, Any] = {"rule": LabelRule, "algorithms": tuple[Algorithm, ...], "cuts": tuple[Cut, ...]}
"""Sections that say something of one model in particular, and are read by themselves."""


def flights(**sections: Any) -> dict[str, Any]:
    shipped = yaml.safe_load((PROJECT / "configs/models/flight_delay.yaml").read_text(encoding="utf-8"))["parameters"]["model"]
    return {**shipped, **sections}


@pytest.mark.parametrize(("section", "block"), BLOCKS, ids=[f"{number}-{section}" for number, (section, _) in enumerate(BLOCKS)])
def test_every_block_of_the_page_loads(section: str, block: str) -> None:
    value = yaml.safe_load(block)
    if section in PARTS:
        assert TypeAdapter(PARTS[section]).validate_python(value)
        return
    if section == "definition":
        model = flights(
            features={"definition": value, "table": "customers", "description": "a row a customer"},
            label={"table": "labels", "rule": {"kind": "binary", "source": "churned"}},
            validation={},
            split={"kind": "time"},
        )
    else:
        model = flights(**{section: value})
    assert getattr(ModelSpec.model_validate(model), "features" if section == "definition" else section)


def test_the_page_shows_every_kind_of_source() -> None:
    from stackhouse.sources import _KEYS

    assert {yaml.safe_load(block)["kind"] for section, block in BLOCKS if section == "source"} == set(_KEYS)


def test_the_page_shows_every_kind_of_label_and_algorithm_with_its_tasks_and_profiles() -> None:
    shown = {yaml.safe_load(block)["kind"] for section, block in BLOCKS if section == "rule"}
    assert shown == {kind.model_fields["kind"].default for kind in get_args(get_args(LabelRule)[0])}
    named = {
        "binary_classification": "binary",
        "multiclass_classification": "several classes",
        "multilabel_classification": "several labels",
        "regression": "number",
        "anomaly_detection": "anomalies",
    }
    for algorithm in get_args(get_args(Algorithm)[0]):
        if algorithm.registrable:
            rows = re.findall(rf"^\| `{algorithm.model_fields['kind'].default}` \| (.*) \|$", PAGE, re.MULTILINE)
            (row,) = (row for row in rows if row.count(" | ") == 2)
            tasks, categories, profiles = row.split(" | ")
            assert tasks == ", ".join(words for task, words in named.items() if task in algorithm.tasks)
            assert categories == ("as they are" if algorithm.reads_categories else "a column each")
            assert re.findall(r"`(\w+)`", profiles) == [*algorithm.profiles]


def test_the_page_shows_every_kind_of_definition() -> None:
    kinds = {kind.model_fields["kind"].default for kind in get_args(get_args(FeatureDefinition)[0])}
    assert kinds == set(re.findall(r"^\| `(\w+)` \| an? ", PAGE, re.MULTILINE))


@pytest.mark.parametrize(
    "definition", [CostFeatures(known_anomalies=True), ReliabilityFeatures(sla_factor=2), Churn()], ids=lambda definition: definition.kind
)
def test_the_page_names_what_can_be_learned(definition: Definition) -> None:
    (row,) = re.findall(rf"^\| `{definition.kind}` \| (?!an? ).*", PAGE, re.MULTILINE)
    assert {*definition.label_columns} <= {*re.findall(r"`(\w+)`", row)}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the README's file and a CSV of 600 customers, every fortieth without a charge."""
    folder = tmp_path_factory.mktemp("shop")
    draw = np.random.default_rng(3)
    with (folder / "customers.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["customer_id", "tenure_months", "monthly_charges", "support_calls", "churned"])
        for number in range(600):
            months, charges, calls = int(draw.integers(0, 72)), round(float(draw.uniform(20, 120)), 2), int(draw.poisson(1.5))
            leaves = int(draw.random() < 1 / (1 + np.exp(1.2 + 0.06 * months - 0.9 * calls - 0.01 * charges)))
            rows.writerow([f"C{number:05d}", months, "" if number % 40 == 0 else charges, calls, leaves])
    (folder / "churn.yaml").write_text(EXAMPLE, encoding="utf-8")
    return folder


def run(shop: Path, file: str) -> "subprocess.CompletedProcess[str]":
    home = shop / "home with a space"
    environment = {**os.environ, "STACKHOUSE_HOME": str(home), "ZENML_CONFIG_PATH": str(home / "zenml"), "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "commands.main", "run", file]
    return subprocess.run(command, cwd=shop, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_the_readmes_file_takes_a_csv_to_a_registered_model(shop: Path) -> None:
    told = run(shop, "churn.yaml")
    assert told.returncode == 0, told.stderr
    assert "Rows read       600 of csv" in told.stdout
    assert "Values cleaned  15: monthly_charges 15" in told.stdout
    assert "features have no time and are joined by key; 600 of 600 labels matched" in told.stdout
    assert "dev.shop.churn version 1  registered: all gates passed" in told.stdout


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ragged.csv", "customer_id,tenure_months,monthly_charges,support_calls,churned\nC1,1,2.0,3,0\nC2,1,2.0\n", "line 3"),
        ("latin.csv", "customer_id,tenure_months,monthly_charges,support_calls,churned\nC\xe9,1,2.0,3,0\n", "UTF-8"),
        ("short.csv", "customer_id,tenure_months,monthly_charges,churned\nC1,1,2.0,0\n", "'support_calls'"),
    ],
)
def test_a_bad_csv_is_refused_with_exit_code_3_and_nothing_written(shop: Path, name: str, content: str, message: str) -> None:
    (shop / name).write_bytes(content.encode("latin-1"))
    (shop / "bad.yaml").write_text(EXAMPLE.replace("customers.csv", name).replace("schema: shop", "schema: bad"), encoding="utf-8")
    told = run(shop, "bad.yaml")
    assert told.returncode == 3, told.stderr
    assert name in told.stderr
    assert message in told.stderr
    assert not (shop / "home with a space" / "feature_store" / "dev" / "bad").exists()
