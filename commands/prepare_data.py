"""The `prepare_data` command: its flags, which are refused here where they do not go together, and what they mean."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from commands.arguments import (
    Catalog,
    EnvironmentFlag,
    ExperimentName,
    Json,
    Place,
    Schema,
    StackName,
    column,
    experiment_of,
    number,
    place_of,
    require_three_levels,
    whole,
)
from commands.leaving import leave
from stackhouse.errors import ConfigurationError

if TYPE_CHECKING:
    from stackhouse.preparation import PreparationSource

HELP = (
    "Write training and test rows of a table, of a feature store, or made ones where neither is named, to two tables.\n\n"
    "Rows that have a time are divided by it, the latest being the test rows; others at random, with classes in proportion. Leaves with "
    "0 where both tables are written, 2 where the flags are wrong, 3 where the rows are, 5 where something cannot be used."
)
EXAMPLES = """Examples:

  prepare_data --catalog mlops_dev --schema my_model --environment dev

  prepare_data --schema fraud_detection --environment dev \\
    --source-table transactions --key-columns transaction_id

  prepare_data --schema fraud_detection --environment dev \\
    --feature-store-table mlops_dev.features.user_features \\
    --lookup-key user_id --feature-columns amount_7d count_7d \\
    --label-table mlops_dev.labels.fraud_labels --label-column is_fraud"""

app = App(name="prepare_data", help=HELP, help_epilogue=EXAMPLES, help_format="plaintext", version_flags=[])

MADE_FEATURES = 20
"""Features of made rows: among so many, none tells the label so well by itself that it would count as a leak."""

Columns = Parameter(consume_multiple=(1, None), allow_repeating=False, negative="")


@app.default
def prepare_data(
    *,
    environment: Annotated[str, EnvironmentFlag],
    catalog: Catalog = None,
    schema: Schema = None,
    source_table: str | None = None,
    key_columns: Annotated[list[str] | None, Columns] = None,
    feature_store_table: str | None = None,
    lookup_key: Annotated[list[str] | None, Columns] = None,
    feature_columns: Annotated[list[str] | None, Columns] = None,
    label_table: str | None = None,
    label_column: str = "target",
    time_column: str | None = None,
    train_table: str = "train_set",
    test_table: str = "test_set",
    test_size: Annotated[float, number(0, 1)] = 0.2,
    random_seed: Annotated[int, whole(0, 2**31 - 1)] = 42,
    experiment_name: ExperimentName = None,
    stack: StackName = None,
    json: Json = False,
) -> int:
    """Prepare a training and a test table; see HELP.

    Parameters
    ----------
    source_table
        Table of the catalog and schema to take rows of.
    key_columns
        With --source-table: columns that name a row and are no features; those of the table where none are named.
    feature_store_table
        Feature table, as catalog.schema.table.
    lookup_key
        Columns of the label table that name a row of the feature table.
    feature_columns
        Features to take; all of the feature table where none are named.
    label_table
        Table of the labels, as catalog.schema.table.
    label_column
        Column of the label: two classes, or up to fifty.
    time_column
        Column of the time of a row: rows are divided by it, and features are those known by then. That of the table where none is named.
    train_table
        Table of the catalog and schema for the rows to learn from.
    test_table
        Table of the catalog and schema for the rows to judge by.
    test_size
        Share of the test rows, above 0 and below 1.
    random_seed
        Seed of the division at random, and of made rows.
    """
    place = place_of(catalog, schema, environment)
    of_feature_store = {
        "--feature-store-table": feature_store_table,
        "--lookup-key": lookup_key,
        "--feature-columns": feature_columns,
        "--label-table": label_table,
    }
    given = [flag for flag, value in of_feature_store.items() if value is not None]
    _require_one_source(source_table, given)
    if key_columns and source_table is None:
        raise ConfigurationError("--key-columns says which columns name a row of --source-table, which is not given.")
    from commands.preparing import prepare
    from stackhouse.preparation import Preparation

    preparation = Preparation(
        source=_looked_up(of_feature_store) if given else _own(place, source_table, key_columns, label_column, random_seed),
        label=column("--label-column", label_column),
        time=None if time_column is None else column("--time-column", time_column),
        train_table=place.named("--train-table", train_table),
        test_table=place.named("--test-table", test_table),
        test_size=test_size,
        seed=random_seed,
        experiment=experiment_of(experiment_name, place),
        environment=place.environment,
    )
    _require_other_tables(preparation.train_table, preparation.test_table, preparation.reads)
    return prepare(preparation, stack, as_json=json)


def _require_one_source(source_table: str | None, of_feature_store: list[str]) -> None:
    if source_table is not None and of_feature_store:
        raise ConfigurationError(f"--source-table and {', '.join(of_feature_store)} name two sources. Choose one; nothing was read.")
    if not of_feature_store:
        return
    for flag, why in (
        ("--feature-store-table", "names the features"),
        ("--lookup-key", "names the columns by which features are looked up"),
        ("--label-table", "names the rows to look features up for, with their labels"),
    ):
        if flag not in of_feature_store:
            raise ConfigurationError(f"{flag} is missing: with {', '.join(of_feature_store)}, it {why}. Nothing was read.")


def _looked_up(flags: dict[str, str | list[str] | None]) -> "PreparationSource":
    from stackhouse.preparation import LookedUpRows

    features, keys = flags["--feature-columns"], flags["--lookup-key"]
    return LookedUpRows(
        kind="feature_store",
        feature_table=require_three_levels("--feature-store-table", str(flags["--feature-store-table"])),
        lookup_key=_columns("--lookup-key", list(keys or ())),
        features=_columns("--feature-columns", list(features)) if features else None,
        label_table=require_three_levels("--label-table", str(flags["--label-table"])),
    )


def _own(place: Place, source_table: str | None, keys: list[str] | None, label: str, seed: int) -> "PreparationSource":
    from stackhouse.preparation import SYNTHETIC_LABEL, SyntheticRows, TableRows
    from stackhouse.synthetic.rows import RowsParameters

    if source_table is not None:
        return TableRows(kind="table", table=place.named("--source-table", source_table), keys=_columns("--key-columns", keys or []))
    if label != SYNTHETIC_LABEL:
        raise ConfigurationError(f"The label of made rows is '{SYNTHETIC_LABEL}', and --label-column is '{label}'. Name a source as well.")
    return SyntheticRows(kind="synthetic", rows=RowsParameters(seed=seed, features=MADE_FEATURES))


def _columns(flag: str, names: list[str]) -> tuple[str, ...]:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"{flag} names {twice} more than once. Name each column once; nothing was read.")
    return tuple(column(flag, name) for name in names)


def _require_other_tables(train: str, test: str, read: tuple[str, ...]) -> None:
    """Unity Catalog keeps names in small letters, so two that differ by those alone are one table there."""
    if train.lower() == test.lower():
        raise ConfigurationError(f"--train-table and --test-table are both {train}. Give two names; nothing was read.")
    if both := sorted({train.lower(), test.lower()} & {name.lower() for name in read}):
        raise ConfigurationError(f"{both[0]} would be read and written over. Give another --train-table or --test-table; nothing was read.")


def main() -> None:
    """Run the command."""
    leave(app)


if __name__ == "__main__":
    main()
