"""The shipped model files have no leak on the data that they name, and the departure delay of a flight is one."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stackhouse.cleaning import clean
from stackhouse.labels.labelling import label_rows
from stackhouse.leaks.detector import detect_leaks
from stackhouse.leaks.report import LeakReport
from stackhouse.spec import ModelSpec
from stackhouse.splits import split
from stackhouse.training_set import create_training_set
from stacks.sources import read_source
from tests.conftest import PROJECT

FILES = sorted((PROJECT / "configs/models").glob("*.yaml"))


def look(file: Path, **definition: Any) -> LeakReport:
    """What the leak detector finds in the training set of a model file, without a feature store."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))["parameters"]["model"]
    content["features"]["definition"] |= definition
    model = ModelSpec.model_validate(content)
    sources = read_source(model.source, list(model.features.definition.inputs)).tables
    features = clean(model.features.definition.features(sources), model.cleaning).table
    labels = model.features.definition.labels(sources)
    joined = create_training_set(labels, model.feature_lookups, {model.feature_table: features}, model.exclude_columns)
    rule = model.label.rule
    learned = () if rule.kind == "anomaly" else rule.names
    parts = split(label_rows(joined.table, rule).table, model.split)
    return detect_leaks(parts, learned, rule.sources, model.split.kind, model.leaks)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_shipped_model_has_no_leak_and_accepts_none_that_is_not_there(file: Path) -> None:
    findings = look(file).findings
    assert [finding for finding in findings if finding.level != "accepted" and finding.check != "shared_entities"] == []
    assert {finding.level for finding in findings if finding.check == "shared_entities"} <= {"info"}


def test_departure_delay_is_found_among_the_features_of_a_flight() -> None:
    rejected = look(PROJECT / "configs/models/flight_outcome.yaml", with_departure_delay=True).rejected
    assert [(finding.check, finding.name) for finding in rejected] == [("single_feature", "dep_delay")]
