"""The `train_model` command: its flags, and the baseline that they ask for."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from commands.arguments import (
    Catalog,
    EnvironmentFlag,
    ExperimentName,
    Json,
    ModelName,
    Place,
    Schema,
    StackName,
    column,
    experiment_of,
    number,
    place_of,
    whole,
)
from commands.environments import baseline, variable
from commands.leaving import leave
from stackhouse.errors import ConfigurationError

if TYPE_CHECKING:
    from stackhouse.verdict import Gates

HELP = (
    "Train a LightGBM model on the training table, judge it on the test table, and put it on record in MLflow.\n\n"
    "Leaves with 0 where F1 is above the baseline, so that the model can be registered; with 1 where it is not, or where a feature would "
    "tell the label; with 2 where the flags are wrong, 3 where the rows are, 4 where MLflow refuses, 5 where something cannot be used."
)
EXAMPLES = """Examples:

  train_model --catalog mlops_dev --schema my_model --environment dev \\
    --model-name my_classifier --baseline-f1 0.75

  train_model --environment dev --model-name fraud_detector \\
    --target-col is_fraud --baseline-f1 environment \\
    --max-depth 7 --n-estimators 200 --learning-rate 0.05"""

app = App(name="train_model", help=HELP, help_epilogue=EXAMPLES, help_format="plaintext", version_flags=[])

NO_BASELINE = "0.0"


@app.default
def train_model(
    *,
    environment: Annotated[str, EnvironmentFlag],
    model_name: ModelName,
    catalog: Catalog = None,
    schema: Schema = None,
    train_table: str = "train_set",
    test_table: str = "test_set",
    target_col: str = "target",
    baseline_f1: str | None = None,
    gates: Literal["none", "environment"] = "none",
    max_depth: Annotated[int, whole(-1, 30)] = 5,
    n_estimators: Annotated[int, whole(1, 10_000)] = 100,
    learning_rate: Annotated[float, number(0, 1, included=True)] = 0.1,
    random_seed: Annotated[int, whole(0, 2**31 - 1)] = 42,
    accept_leak: Annotated[list[str] | None, Parameter(consume_multiple=(1, None), allow_repeating=False, negative="")] = None,
    domain: Literal["cost", "security", "performance", "reliability", "quality"] = "quality",
    use_case: str | None = None,
    experiment_name: ExperimentName = None,
    stack: StackName = None,
    json: Json = False,
) -> int:
    """Train and judge a model; see HELP.

    Parameters
    ----------
    train_table
        Table of the catalog and schema with the rows to learn from.
    test_table
        Table of the catalog and schema with the rows to judge by.
    target_col
        Column of the label: two classes, or up to fifty.
    baseline_f1
        F1 that the model has to be strictly above; `environment` for that of the environment. STACKHOUSE_BASELINE_F1, or 0.0, where
        none is given.
    gates
        Ask for the other minima of the environment as well.
    max_depth
        Depth of a tree at most; -1 for no limit.
    n_estimators
        Number of trees.
    learning_rate
        Share of each tree's answer that is taken, above 0 and at most 1.
    random_seed
        Seed of all that is drawn.
    accept_leak
        Findings of the leak detector that are no leak, by name.
    domain
        Business domain, a tag of the run.
    use_case
        The question that the model answers, in one sentence; a tag of the run.
    """
    place = place_of(catalog, schema, environment)
    registered, train, test = (
        place.named(flag, name)
        for flag, name in (("--model-name", model_name), ("--train-table", train_table), ("--test-table", test_table))
    )
    if train.lower() == test.lower():
        raise ConfigurationError(f"--train-table and --test-table are both {train}; a model would be judged by what it learned.")
    asked = asked_gates(place, baseline_f1, gates)
    from commands.training import train_and_judge
    from stackhouse.algorithms import LightGBM
    from stackhouse.record import ModelIdentity
    from stackhouse.table_training import TableTraining

    identity = ModelIdentity(
        name=model_name,
        registered_name=registered,
        project=place.schema,
        domain=domain,
        task="binary_classification",
        use_case=_said("--use-case", use_case or f"What is {target_col} of a row of {train}?"),
        environment=place.environment,
    )
    training = TableTraining(
        train_table=train,
        test_table=test,
        target=column("--target-col", target_col),
        identity=identity,
        algorithm=LightGBM(
            kind="lightgbm", max_depth=max_depth, n_estimators=n_estimators, learning_rate=learning_rate, random_state=random_seed
        ),
        gates=asked,
        accepted_leaks=tuple(dict.fromkeys(accept_leak or ())),
        seed=random_seed,
        experiment=experiment_of(experiment_name, place),
    )
    return train_and_judge(training, stack, as_json=json)


def asked_gates(place: Place, baseline_f1: str | None, gates: Literal["none", "environment"]) -> "Gates":
    """Return what the model has to reach: the baseline of the flag, of STACKHOUSE_BASELINE_F1 or 0.0, in this order.

    Raises:
        ConfigurationError: where the baseline is neither a number in [0, 1) nor `environment`.
    """
    from stackhouse.verdict import Gates

    told = variable("--baseline-f1")
    what, text = ("STACKHOUSE_BASELINE_F1", told) if baseline_f1 is None and told else ("--baseline-f1", baseline_f1)
    limit = baseline(what, text if text is not None else NO_BASELINE, place.baseline_f1)
    return (
        place.gates.model_copy(update={"baseline_f1": limit}) if gates == "environment" else Gates(baseline_f1=limit, against_guess=False)
    )


def _said(flag: str, text: str) -> str:
    from stackhouse.placeholder import require_no_placeholder

    try:
        return require_no_placeholder(text)
    except ValueError as error:
        raise ConfigurationError(f"{flag}: {error}.") from error


def main() -> None:
    """Run the command."""
    leave(app)


if __name__ == "__main__":
    main()
