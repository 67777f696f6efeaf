"""A model file under flags, variables and the file of an environment: what is in effect, and who said it."""

from io import StringIO
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from commands.effective_model import NO_FLAGS, EffectiveModel, Flags, read_model
from stackhouse.errors import ConfigurationError
from tests.conftest import PROJECT

DELAY = PROJECT / "configs/models/flight_delay.yaml"
MINUTES = PROJECT / "configs/models/flight_delay_minutes.yaml"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENVIRONMENT", "CATALOG", "SCHEMA", "BASELINE_F1"):
        monkeypatch.delenv(f"STACKHOUSE_{name}", raising=False)


def sources(model: EffectiveModel) -> dict[str, str]:
    return {field: source for field, (_, source) in model.values.items()}


def test_without_an_environment_the_model_file_alone_speaks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STACKHOUSE_CATALOG", "elsewhere")
    model = read_model(DELAY, Flags())
    assert (model.spec.registered_name, model.spec.environment, model.values) == ("dev.flights.flight_delay", "dev", {})
    assert model.write(tmp_path) == DELAY


def test_an_environment_goes_before_the_model_file() -> None:
    model = read_model(DELAY, Flags(environment="production"))
    gates = model.spec.gates
    assert (model.spec.registered_name, model.spec.environment) == ("mlops_prod.my_model.flight_delay", "prod")
    assert (gates.baseline_f1, gates.minimum, gates.beats_reference) == (0.85, {"roc_auc": 0.6}, "roc_auc")
    assert sources(model) == {
        "environment": "--environment",
        "catalog": "configs/environments/prod.yaml",
        "schema": "configs/environments/prod.yaml",
        "gates.baseline_f1": "configs/environments/prod.yaml",
        "gates.beats_reference": "model file",
        "gates.minimum.roc_auc": "configs/environments/prod.yaml",
    }


def test_flags_are_handed_on_to_another_command_as_they_are() -> None:
    flags = Flags(environment="prod", schema="-odd", baseline_f1="environment")
    assert flags.arguments == ["--environment=prod", "--schema=-odd", "--baseline-f1=environment"]
    assert NO_FLAGS.arguments == []


def test_file_with_a_schedule_is_read_only_where_it_may_have_one(tmp_path: Path) -> None:
    file = tmp_path / "nightly.yaml"
    content = yaml.safe_load(DELAY.read_text(encoding="utf-8")) | {"schedule": {"cron_expression": "0 2 * * *"}}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="has a schedule, so nothing would run now"):
        read_model(file, NO_FLAGS)
    assert read_model(file, NO_FLAGS, scheduled=True).spec.name == "flight_delay"


def test_variables_go_before_the_environment_and_flags_before_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ENVIRONMENT", "staging"), ("CATALOG", "of_variable"), ("SCHEMA", "of_variable"), ("BASELINE_F1", "0.3")):
        monkeypatch.setenv(f"STACKHOUSE_{name}", value)
    model = read_model(DELAY, Flags(schema="of_flag"))
    assert (model.spec.registered_name, model.spec.gates.baseline_f1) == ("of_variable.of_flag.flight_delay", 0.3)
    found = sources(model)
    assert [found[field] for field in ("environment", "catalog", "schema", "gates.baseline_f1", "gates.minimum.roc_auc")] == [
        "STACKHOUSE_ENVIRONMENT",
        "STACKHOUSE_CATALOG",
        "--schema",
        "STACKHOUSE_BASELINE_F1",
        "configs/environments/aut.yaml",
    ]
    assert read_model(DELAY, Flags(environment="dev", baseline_f1="environment")).spec.gates.baseline_f1 == 0.7
    monkeypatch.setenv("STACKHOUSE_BASELINE_F1", "environment")
    assert read_model(DELAY, Flags()).spec.gates.baseline_f1 == 0.8


def test_a_flag_alone_overrides_its_field_and_no_other() -> None:
    model = read_model(DELAY, Flags(catalog="mine", baseline_f1="0.2"))
    plain = read_model(DELAY, Flags()).spec
    changed = {"catalog": "mine", "gates": plain.gates.model_copy(update={"baseline_f1": 0.2})}
    assert model.spec == plain.model_copy(update=changed)
    assert sources(model)["schema"] == "model file"
    assert sources(model)["environment"] == "default"


def test_what_is_in_effect_is_what_is_run_and_is_on_record(tmp_path: Path) -> None:
    model = read_model(DELAY, Flags(environment="aut"))
    written = yaml.safe_load(model.write(tmp_path).read_text(encoding="utf-8"))
    assert read_model(tmp_path / "flight_delay.yaml", Flags()).spec == model.spec
    assert written["extra"]["in_effect"]["catalog"] == {"value": "mlops_aut", "source": "configs/environments/aut.yaml"}


def test_what_is_in_effect_is_shown_with_its_source() -> None:
    out = Console(file=StringIO(), width=120)
    read_model(MINUTES, Flags(environment="aut")).show(out)
    shown = [line.split() for line in out.file.getvalue().splitlines()]
    assert ["catalog", "mlops_aut", "configs/environments/aut.yaml"] in shown
    assert ["gates.minimum.r2", "0.02", "model", "file"] in shown
    assert ["gates.baseline_f1", "left", "out", "a", "model", "of", "regression", "has", "no", "such", "metric", "here"] in shown


@pytest.mark.parametrize("file", sorted((PROJECT / "configs" / "models").glob("*.yaml")), ids=lambda file: file.stem)
@pytest.mark.parametrize("name", ["dev", "aut", "prod"])
def test_every_shipped_model_can_be_run_in_every_shipped_environment(file: Path, name: str) -> None:
    assert read_model(file, Flags(environment=name)).spec.registered_name == f"mlops_{name}.my_model.{file.stem}"


@pytest.mark.parametrize(
    ("file", "flags", "message"),
    [
        (DELAY, Flags(environment="test"), "--environment is 'test'. Give one of dev, development, aut, staging, prod, production"),
        (DELAY, Flags(catalog="a.b"), "--catalog is 'a.b'. Give a name of letters"),
        (DELAY, Flags(schema="Mine"), "--schema is 'Mine'. A model file takes small letters"),
        (DELAY, Flags(baseline_f1="high"), "--baseline-f1 is 'high'. Give a number"),
        (DELAY, Flags(baseline_f1="environment"), "`environment` with --environment"),
        (MINUTES, Flags(baseline_f1="0.5"), "a model of regression has no F1"),
    ],
    ids=["unknown environment", "dotted catalog", "capital letter", "no number", "baseline of no environment", "F1 of a number"],
)
def test_a_flag_that_cannot_be_is_refused(file: Path, flags: Flags, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_model(file, flags)
    assert message in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_variable_that_cannot_be_is_refused_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKHOUSE_ENVIRONMENT", "nowhere")
    with pytest.raises(ConfigurationError, match="STACKHOUSE_ENVIRONMENT is 'nowhere'"):
        read_model(DELAY, Flags())
    monkeypatch.setenv("STACKHOUSE_ENVIRONMENT", "dev")
    monkeypatch.setenv("STACKHOUSE_CATALOG", "../up")
    with pytest.raises(ConfigurationError, match=r"STACKHOUSE_CATALOG is '\.\./up'"):
        read_model(DELAY, Flags())


def test_a_file_may_leave_the_place_to_the_environment(tmp_path: Path) -> None:
    content = yaml.safe_load(DELAY.read_text(encoding="utf-8"))
    for name in ("catalog", "schema"):
        content["parameters"]["model"].pop(name)
    (tmp_path / "anywhere.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    assert read_model(tmp_path / "anywhere.yaml", Flags(environment="dev")).spec.catalog == "mlops_dev"
    with pytest.raises(ConfigurationError, match=r"parameters\.model\.catalog: Field required"):
        read_model(tmp_path / "anywhere.yaml", Flags())


def test_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes("parameters: {model: {use_case: Verspätung}}".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"latin\.yaml is not a valid model file:\n.*not UTF-8"):
        read_model(file, NO_FLAGS)
