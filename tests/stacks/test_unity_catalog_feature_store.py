"""The `unity_catalog` flavor where Databricks is not: what it says then, and that its client's double breaks where the real one would."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
from pydantic import ValidationError
from zenml.client import Client
from zenml.enums import StackComponentType

from stackhouse.errors import InfrastructureError
from stackhouse.table import Roles, Table
from stacks.databricks import unity_catalog_client, unity_catalog_tables
from stacks.databricks.unity_catalog_feature_store import (
    UnityCatalogFeatureStore,
    UnityCatalogFeatureStoreConfig,
    UnityCatalogFeatureStoreFlavor,
)
from stacks.definition import FLAVORS, ComponentDefinition, StackDefinition, bring_up
from tests.conftest import PROJECT
from tests.contract import engines
from tests.contract.engines import NEEDS_JAVA, SOCKETS
from tests.doubles.delta_catalog import Catalog, DeltaError, Session
from tests.doubles.feature_engineering import FeatureEngineeringClient, installed
from tests.doubles.feature_lookup import FeatureLookup

pytestmark = SOCKETS

DAYS, PLACES = "dev.air.days", "dev.air.places"


def unity_catalog() -> UnityCatalogFeatureStore:
    now = datetime.now(UTC)
    return UnityCatalogFeatureStore(
        name="unity_catalog",
        id=uuid4(),
        config=UnityCatalogFeatureStoreConfig(),
        flavor="unity_catalog",
        type=StackComponentType.FEATURE_STORE,
        user=uuid4(),
        created=now,
        updated=now,
    )


TABLE = Table.of(pl.DataFrame({"dest": ["A"], "far": [0.5]}), Roles(primary_keys=("dest",), features=("far",)), "places")
CALLS: dict[str, Callable[[UnityCatalogFeatureStore], object]] = {
    "create_table": lambda store: store.create_table(PLACES, TABLE, "places"),
    "check_write": lambda store: store.check_write(PLACES, TABLE, "merge", "refuse"),
    "write_table": lambda store: store.write_table(PLACES, TABLE),
    "read_table": lambda store: store.read_table(PLACES),
    "table_version": lambda store: store.table_version(PLACES),
    "describe_table": lambda store: store.describe_table(PLACES),
    "read_changes": lambda store: store.read_changes(PLACES, 0),
    "vacuum": lambda store: store.vacuum(PLACES),
    "log_model": lambda store: store.log_model(None, None, None, "dev.air.late", None),
    "score_batch": lambda store: store.score_batch("models:/dev.air.late/1", TABLE),
}


# The flavor


def test_the_flavor_is_registered_and_a_stack_of_it_is_made() -> None:
    components = {
        "orchestrator": ComponentDefinition(name="stackhouse_uc_orchestrator", flavor="local"),
        "artifact_store": ComponentDefinition(name="stackhouse_uc_artifacts", flavor="local"),
        "feature_store": ComponentDefinition(name="stackhouse_uc_features", flavor="unity_catalog"),
    }
    before = Client().active_stack_model.name
    try:
        for _ in range(2):
            bring_up(StackDefinition(name="uc_test", components=components))
        store = Client().active_stack.feature_store
        assert isinstance(store, UnityCatalogFeatureStore)
        assert (store.config.engine, store.config.is_local, store.flavor) == ("spark", False, "unity_catalog")
    finally:
        Client().activate_stack(before)


def test_the_flavor_is_the_one_that_stacks_name() -> None:
    flavor = UnityCatalogFeatureStoreFlavor()
    assert FLAVORS["feature_store", flavor.name] == f"{type(flavor).__module__}.{type(flavor).__name__}"
    assert (flavor.config_class, flavor.implementation_class) == (UnityCatalogFeatureStoreConfig, UnityCatalogFeatureStore)


def test_another_engine_is_refused() -> None:
    with pytest.raises(ValidationError, match="engine"):
        UnityCatalogFeatureStoreConfig(engine="polars")


def test_the_flavor_imports_neither_spark_nor_the_client() -> None:
    code = (
        "import sys; import stacks.databricks.unity_catalog_feature_store; "
        "print(sorted(name for name in sys.modules if name.startswith(('pyspark', 'databricks.feature'))))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_client_is_neither_a_dependency_nor_in_a_lock() -> None:
    for file in ("pyproject.toml", *(path.name for path in PROJECT.glob("requirements*.lock"))):
        assert "feature-engineering" not in (PROJECT / file).read_text(encoding="utf-8")


# Where it cannot work


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_missing_client_is_told_in_one_sentence_that_says_what_to_do(call: Callable[[UnityCatalogFeatureStore], object]) -> None:
    with pytest.raises(InfrastructureError) as raised:
        call(unity_catalog())
    assert str(raised.value) == (
        "The unity_catalog feature store needs the library databricks-feature-engineering, which is not here "
        "(databricks.feature_engineering): run on Databricks, on an ML runtime, where it ships, or on a cluster that it is added to, "
        "and use the delta feature store elsewhere."
    )
    assert raised.value.exit_code == 5


@pytest.fixture
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    pyspark = pytest.importorskip("pyspark.sql")
    monkeypatch.setattr(pyspark.SparkSession, "getActiveSession", classmethod(lambda _: None))
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)


@pytest.mark.usefixtures("no_session")
def test_without_a_spark_session_none_is_started_and_the_stack_to_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unity_catalog_client, "import_module", lambda _: None)
    with pytest.raises(InfrastructureError, match=r"Spark session of a Databricks cluster, and none is active here: .* databricks stack"):
        unity_catalog().read_table(PLACES)


@pytest.mark.usefixtures("no_session")
def test_on_a_cluster_its_session_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark.sql import SparkSession

    from stacks.engines import spark_engine

    class Builder:
        def getOrCreate(self) -> None:  # noqa: N802 - Spark's name
            asked.append("cluster's")

    asked: list[str] = []
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    monkeypatch.setattr(SparkSession, "builder", Builder())
    monkeypatch.setattr(spark_engine, "session", lambda: "session")
    assert (unity_catalog_tables.active_session(), asked) == ("session", ["cluster's"])


def test_a_client_that_does_not_run_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        def FeatureEngineeringClient(self) -> None:  # noqa: N802 - its name
            raise RuntimeError("This library can only run on Databricks runtimes\nmore")

    monkeypatch.setattr(unity_catalog_client, "import_module", lambda _: Elsewhere())
    with pytest.raises(InfrastructureError) as raised:
        unity_catalog_client.feature_engineering_client()
    assert str(raised.value) == (
        "Databricks' FeatureEngineeringClient cannot be used here: This library can only run on Databricks runtimes."
    )


@pytest.mark.parametrize(("text", "sql"), [("a", "'a'"), ("a'b", r"'a\'b'"), ("a\\", r"'a\\'"), ("a\nb", r"'a\nb'"), ("\\'", r"'\\\''")])
def test_text_cannot_leave_its_quotes(text: str, sql: str) -> None:
    assert unity_catalog_tables.literal(text) == sql


def test_names_of_columns_cannot_leave_their_quotes() -> None:
    assert unity_catalog_tables.identifier("a`) --") == "`a``) --`"


# The double of the client


@pytest.fixture(scope="module")
def spark() -> Any:
    from stacks.engines.spark_engine import session

    engines._start_spark()
    return session()


@pytest.fixture(scope="module")
def catalog(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Days with a column of time, places without; no test changes them."""
    spark.conf.unset("spark.databricks.delta.properties.defaults.enableChangeDataFeed")
    catalog = Catalog(spark, tmp_path_factory.mktemp("catalog"))
    days = spark.createDataFrame([("A", datetime(2013, 1, 1), 0.5)], "dest string, at timestamp, delay double")  # noqa: DTZ001 - Spark's
    with installed(catalog) as kind:
        kind().create_table(name=DAYS, primary_keys=["dest", "at"], df=days, timeseries_column="at")
        kind().create_table(name=PLACES, primary_keys="dest", df=spark.createDataFrame([("A", 0.5)], "dest string, far double"))
    return catalog


@pytest.fixture
def client(catalog: Catalog) -> Iterator[FeatureEngineeringClient]:
    with installed(catalog) as kind:
        yield kind()


@pytest.fixture
def labels(spark: Any) -> Any:
    """A spine: key, time, label."""
    return spark.createDataFrame([("A", datetime(2013, 1, 2), 1.0)], "dest string, seen timestamp, late double")  # noqa: DTZ001 - Spark's


def days(**changed: Any) -> FeatureLookup:
    return FeatureLookup(**{"table_name": DAYS, "lookup_key": ["dest"], "timestamp_lookup_key": "seen", **changed})


def places(**changed: Any) -> FeatureLookup:
    return FeatureLookup(**{"table_name": PLACES, "lookup_key": ["dest"], **changed})


SCHEMA = "dest string, at timestamp, delay double"

CREATIONS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"primary_keys": ["dest"], "timeseries_column": "at"}, ValueError, "must be among the primary keys"),
    ({"primary_keys": ["dest", "delay"], "timeseries_column": "delay"}, ValueError, "must be a timestamp or a date"),
    ({"primary_keys": ["origin"]}, ValueError, "must be columns of the table"),
    ({"primary_keys": []}, ValueError, "must be columns of the table"),
    ({"primary_keys": ("dest",)}, TypeError, "primary_keys must be str or list, not tuple"),
    ({"primary_keys": ["dest"], "timestamp_keys": ["at"]}, TypeError, "timestamp_keys"),
    ({"primary_keys": ["dest"], "schema": None}, ValueError, "either df or schema"),
    ({"primary_keys": ["dest"], "schema": SCHEMA}, TypeError, "schema must be StructType"),
    ({"primary_keys": ["dest"], "name": "air.days"}, ValueError, "no table of Unity Catalog"),
    ({"primary_keys": ["dest"], "name": DAYS}, ValueError, "already exists"),
    ({"primary_keys": ["dest"], "tags": [("a", "b")]}, TypeError, "tags must be dict"),
]


@NEEDS_JAVA
@pytest.mark.parametrize(("arguments", "error", "message"), CREATIONS, ids=[message for *_, message in CREATIONS])
def test_a_table_that_breaks_a_rule_is_not_created(
    client: FeatureEngineeringClient, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    from pyspark.sql.types import StructType

    with pytest.raises(error, match=message):
        client.create_table(**{"name": "dev.air.new", "schema": StructType.fromDDL(SCHEMA), **arguments})
    assert "dev.air.new" not in client.catalog.tables


@NEEDS_JAVA
def test_a_type_without_a_place_and_a_null_key_are_refused(client: FeatureEngineeringClient, spark: Any) -> None:
    from pyspark.sql.types import StructType

    with pytest.raises(ValueError, match=r"\['small'\] are of types that are not supported"):
        client.create_table(name="dev.air.new", primary_keys="dest", schema=StructType.fromDDL("dest string, small tinyint"))
    with pytest.raises(DeltaError, match="NOT NULL constraint violated"):
        client.write_table(name=PLACES, df=spark.createDataFrame([(None, 1.0)], "dest string, far double"), mode="overwrite")


@NEEDS_JAVA
def test_every_argument_goes_by_its_keyword(client: FeatureEngineeringClient, labels: Any) -> None:
    positional: list[Callable[[], object]] = [
        lambda: client.create_table("dev.air.new", ["dest"]),
        lambda: client.get_table(DAYS),
        lambda: client.read_table(DAYS),
        lambda: client.write_table(DAYS, labels),
        lambda: client.create_training_set(labels, [places()], label="late"),
        lambda: client.log_model(None, "model", sys),
        lambda: client.score_batch("models:/dev.air.late/1", labels),
        lambda: FeatureLookup(DAYS, "dest", ["delay"]),
        lambda: client.write_table(name=DAYS, df=labels, how="merge"),
        lambda: client.create_training_set(df=labels, feature_lookups=[places()]),
    ]
    for call in positional:
        with pytest.raises(TypeError, match=r"positional|unexpected keyword|required keyword"):
            call()


@NEEDS_JAVA
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"mode": "append"}, ValueError, "merge or overwrite"),
        ({"name": "dev.air.gone"}, ValueError, "does not exist"),
        ({"df": [("A", 1.0)]}, TypeError, "df must be DataFrame"),
        ({"columns": "late AS far"}, ValueError, r"lacks the primary keys \['dest'\]"),
        ({"columns": "dest, 'x' AS far"}, ValueError, r"columns \['far'\] of df have other types"),
        ({"columns": "dest", "mode": "overwrite"}, ValueError, "an overwrite keeps the columns"),
        ({"columns": "dest, late AS far, late", "mode": "overwrite"}, ValueError, "an overwrite keeps the columns"),
    ],
)
def test_rows_that_break_a_rule_are_not_written(
    client: FeatureEngineeringClient, labels: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    frame = labels.selectExpr(*arguments.pop("columns", "dest, late AS far").split(", "))
    with pytest.raises(error, match=message):
        client.write_table(**{"name": PLACES, "df": frame, "mode": "merge", **arguments})
    assert client.catalog.tables[PLACES].newest.number == 1


@NEEDS_JAVA
def test_a_merge_of_rows_that_share_a_key_is_refused_and_reading_what_is_not_there_as_well(
    client: FeatureEngineeringClient, labels: Any
) -> None:
    with pytest.raises(ValueError, match="MULTIPLE_SOURCE_ROW_MATCHING"):
        client.write_table(name=PLACES, df=labels.union(labels).selectExpr("dest", "late AS far"))
    for read in (client.read_table, client.get_table):
        with pytest.raises(ValueError, match="does not exist in Unity Catalog"):
            read(name="dev.air.gone")


LOOKUPS: list[tuple[Callable[[], list[FeatureLookup]], str]] = [
    (lambda: [days(timestamp_lookup_key=None)], "timestamp_lookup_key is needed"),
    (lambda: [places(timestamp_lookup_key="seen")], "timestamp_lookup_key cannot be given"),
    (lambda: [days(lookup_key=["dest", "seen"])], "the column of time left out"),
    (lambda: [days(lookup_key=["seen"])], "lookup_key must not hold the column of time"),
    (lambda: [places(lookup_key=["dest", "late"])], "one column for each"),
    (lambda: [places(lookup_key=["late"])], "of another type than the key 'dest'"),
    (lambda: [places(lookup_key=["origin"])], r"lacks the lookup keys \['origin'\]"),
    (lambda: [days(timestamp_lookup_key="late")], "of another type than the key 'at'"),
    (lambda: [days(feature_names=["delays"])], r"has no features \['delays'\]"),
    (lambda: [days(feature_names=["at"])], r"has no features \['at'\]"),
    (lambda: [days(rename_outputs={"far": "x"})], "which are not looked up"),
    (lambda: [days(default_values={"far": 1.0})], "which are no outputs"),
    (lambda: [days(rename_outputs={"delay": "x"}, default_values={"delay": 1.0})], "which are no outputs"),
    (lambda: [days(), days()], r"\['delay'\] stand twice"),
    (lambda: [days(rename_outputs={"delay": "far"}), places()], r"\['far'\] stand twice"),
    (lambda: [days(rename_outputs={"delay": "late"})], r"\['late'\] stand twice"),
    (lambda: [days(table_name="dev.air.gone")], "does not exist"),
    (lambda: [days(timestamp_lookup_key=["seen", "at"])], "names more"),
    (lambda: [days(timestamp_lookup_key=None, lookback_window=timedelta(days=1))], "lookback_window needs"),
    (lambda: [days(lookback_window=timedelta(0))], "must be positive"),
]


@NEEDS_JAVA
@pytest.mark.parametrize(("lookups", "message"), LOOKUPS, ids=[str(number) for number in range(len(LOOKUPS))])
def test_lookups_that_break_a_rule_are_refused(
    client: FeatureEngineeringClient, labels: Any, lookups: Callable[[], list[FeatureLookup]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        client.create_training_set(df=labels, feature_lookups=lookups(), label="late")


@NEEDS_JAVA
def test_types_of_lookups_are_checked(client: FeatureEngineeringClient, labels: Any) -> None:
    wrong: list[Callable[[], object]] = [
        lambda: days(lookup_key=("dest",)),
        lambda: days(feature_names=("delay",)),
        lambda: days(lookback_window=3),
        lambda: days(default_values=[("delay", 1.0)]),
        lambda: client.create_training_set(df=labels, feature_lookups=(places(),), label="late"),
        lambda: client.create_training_set(df=labels, feature_lookups=[places()], label="late", exclude_columns=("dest",)),
    ]
    for call in wrong:
        with pytest.raises(TypeError, match="must be"):
            call()
    with pytest.raises(ValueError, match="the label 'far' must not be a feature"):
        client.create_training_set(df=labels, feature_lookups=[places()], label="far")
    with pytest.raises(ValueError, match="is no column of df"):
        client.create_training_set(df=labels, feature_lookups=[places()], label="early")


@NEEDS_JAVA
def test_a_model_needs_an_output_schema_and_no_key_among_its_inputs(client: FeatureEngineeringClient, labels: Any) -> None:
    import mlflow.sklearn
    from mlflow.types import ColSpec, DataType, Schema

    complete: dict[str, Any] = {
        "model": object(),
        "artifact_path": "model",
        "flavor": mlflow.sklearn,
        "training_set": client.create_training_set(
            df=labels, feature_lookups=[days(), places()], label="late", exclude_columns=["dest", "seen"]
        ),
        "registered_model_name": "dev.air.late",
        "output_schema": Schema([ColSpec(DataType.long)]),
    }
    with_keys = client.create_training_set(df=labels, feature_lookups=[days(), places()], label="late")
    broken: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"output_schema": None}, TypeError, "output_schema"),
        ({"training_set": with_keys}, ValueError, r"the keys \['dest', 'seen'\] would be inputs"),
        ({"training_set": labels}, TypeError, "training_set must be TrainingSet"),
        ({"flavor": "sklearn"}, TypeError, "flavor must be module"),
        ({"registered_model_name": "late"}, ValueError, "no table of Unity Catalog|catalog.schema"),
    ]
    for arguments, error, message in broken:
        with pytest.raises(error, match=message):
            client.log_model(**{**complete, **arguments})
    client.log_model(**complete)
    assert list(client.models) == ["models:/dev.air.late/1"]
    for arguments in ({"result_type": "text"}, {"env_manager": "docker"}, {"model_uri": "models:/dev.air.late/7"}):
        with pytest.raises(ValueError, match=r"result_type|env_manager|there is no model"):
            client.score_batch(**{"model_uri": "models:/dev.air.late/1", "df": labels, **arguments})


# The double of the tables


@NEEDS_JAVA
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP TABLE `dev`.`air`.`days`", "PARSE_SYNTAX_ERROR"),
        ("DESCRIBE HISTORY dev.air.days", "PARSE_SYNTAX_ERROR"),
        ("DESCRIBE HISTORY `air`.`days`", "PARSE_SYNTAX_ERROR"),
        ("DESCRIBE DETAIL `dev`.`air`.`gone`", "TABLE_OR_VIEW_NOT_FOUND"),
        ("COMMENT ON TABLE `dev`.`air`.`days` IS 'it's'", "PARSE_SYNTAX_ERROR"),
        ("ALTER TABLE `dev`.`air`.`days` SET TBLPROPERTIES (a = b)", "PARSE_SYNTAX_ERROR"),
        ("ALTER TABLE `dev`.`air`.`days` ADD COLUMNS (`delay` double)", "FIELDS_ALREADY_EXISTS"),
        ("ALTER TABLE `dev`.`air`.`days` DROP COLUMNS (`delay`)", "not mapped by name"),
        ("VACUUM `dev`.`air`.`days` RETAIN 24 HOURS", "such a low retention period"),
    ],
)
def test_statements_that_databricks_would_refuse_are_refused(catalog: Catalog, statement: str, message: str) -> None:
    with pytest.raises(DeltaError, match=message):
        Session(catalog).sql(statement)


@NEEDS_JAVA
def test_versions_and_options_that_are_not_there_are_refused(catalog: Catalog) -> None:
    with pytest.raises(DeltaError, match="Cannot time travel to version 9"):
        Session(catalog).read.option("versionAsOf", 9).table(DAYS)
    with pytest.raises(DeltaError, match="option timestamp is not known"):
        Session(catalog).read.option("timestamp", 9)
    with pytest.raises(DeltaError, match="not recorded"):
        Session(catalog).read.option("readChangeFeed", "true").option("startingVersion", 0).option("endingVersion", 1).table(DAYS)
