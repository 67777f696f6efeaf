"""The `stackhouse` command."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from commands.leaving import leave
from stacks.home import PROJECT

app = App(name="stackhouse", help="From tables in a lakehouse to a registered, validated model.")
stack = App(name="stack", help="Stacks: where everything happens.")
app.command(stack)
view = App(name="view", help="The SQL view mlflow_metrics over MLflow's own database: what runs have measured, for SQL.")
app.command(view)

OfEnvironment = Annotated[
    str | None,
    Parameter(help="Environment whose file and variables go before the model file: dev, aut or prod; STACKHOUSE_ENVIRONMENT else."),
]
OfCatalog = Annotated[str | None, Parameter(help="Catalog, in place of that of environment and model file.")]
OfSchema = Annotated[str | None, Parameter(help="Schema, in place of that of environment and model file.")]
OfBaseline = Annotated[str | None, Parameter(help="F1 that the model has to be strictly above; `environment` for that of the environment.")]


@stack.command(name="up")
def stack_up(name: str) -> int:
    """Register the stack of configs/stacks/NAME.yaml in the active ZenML store and make it active. May be run twice.

    Parameters
    ----------
    name
        Name of the stack, e.g. local.
    """
    from commands.stack import up

    return up(name)


@app.command
def run(
    model_file: Path,
    *,
    environment: OfEnvironment = None,
    catalog: OfCatalog = None,
    schema: OfSchema = None,
    baseline_f1: OfBaseline = None,
    stack: str = "local",
    cache: Annotated[bool, Parameter(negative="--no-cache")] = True,
    output_file: Path | None = None,
) -> int:
    """Bring a stack up, run feature_engineering and training for a model file, and show what came of it.

    Leaves with 0 where the model is approved, 1 where it is rejected or nothing could be learned.

    Parameters
    ----------
    model_file
        The model file, e.g. configs/models/flight_delay.yaml.
    stack
        The stack to run on.
    cache
        Serve steps from the cache where inputs, parameters, code and libraries are unchanged.
    output_file
        Write what came of it to this file as JSON: rows, metrics, signature, metadata, seconds of each step.
    """
    from commands.effective_model import Flags
    from commands.run import run_model

    return run_model(model_file, Flags(environment, catalog, schema, baseline_f1), stack, cache=cache, output_file=output_file)


@app.command
def train(
    *model_files: Path,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    environment: OfEnvironment = None,
    catalog: OfCatalog = None,
    schema: OfSchema = None,
    baseline_f1: OfBaseline = None,
    stack: str = "local",
    cache: Annotated[bool, Parameter(negative="--no-cache")] = True,
) -> int:
    """Train several models one after the other, and compare them in one table.

    Leaves with 0 where every model is approved, 1 where one is not; with the code of the first error where one was stopped.

    Parameters
    ----------
    model_files
        Model files, e.g. configs/models/flight_delay.yaml.
    every
        Train every file of configs/models.
    stack
        The stack to run on.
    cache
        Serve steps from the cache where inputs, parameters, code and libraries are unchanged.
    """
    from commands.effective_model import Flags
    from commands.train import train_models

    return train_models(model_files, Flags(environment, catalog, schema, baseline_f1), stack, every=every, cache=cache)


@app.command
def reproduce(version: str, *, stack: str | None = None) -> int:
    """Train a registered version again from what it was made of, and compare its metrics to the last bit. Nothing is written.

    Leaves with 0 where they are equal, 1 where they differ.

    Parameters
    ----------
    version
        The version, e.g. dev.flights.flight_delay/1, or dev.flights.flight_delay alone for its champion.
    stack
        The stack whose registry and feature store are read; the active one where none is named.
    """
    from commands.reproduce import reproduce_version

    return reproduce_version(version, stack)


@app.command
def compare(
    a: str,
    b: str,
    /,
    *,
    model_file: Path | None = None,
    metric: str | None = None,
    min_effect: float | None = None,
    confidence: float | None = None,
    min_rows: int | None = None,
    slices: Annotated[list[str] | None, Parameter(name="--slice", negative="")] = None,
    promote: Annotated[bool, Parameter(negative="")] = False,
    stack: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Compare version B with version A on rows that neither was trained on: is B better, and surely so? Written is what --promote does.

    Leaves with 0 where B is better beyond chance, 1 where it is not (a tie, a difference that may be chance, or worse), 3 where the rows
    are too few to tell.

    Parameters
    ----------
    a
        The version to beat, e.g. dev.flights.flight_delay@champion, or dev.flights.flight_delay alone for its champion.
    b
        The version that may be better, e.g. dev.flights.flight_delay/3; of the same model or of another with the same label.
    model_file
        A model file whose label table gives the rows, and whose sections promotion and evaluation say metric, confidence and slices.
    metric
        The metric; that of the model file, or of the task, where none is named.
    min_effect
        Improvement that has to be exceeded, in the metric's unit.
    confidence
        Confidence of the interval, two-sided.
    min_rows
        Rows below which nothing is said.
    slices
        A column by whose values the difference is shown as well; may be given again.
    promote
        Make B the champion where it is better; A has to be the champion of the same model, and to be it still at the end.
    stack
        The stack whose registry and feature store are read; the active one where none is named.
    json
        Print one JSON document in place of tables.
    """
    from commands.compare import compare as compare_versions

    knobs = {"metric": metric, "min_effect": min_effect, "confidence": confidence, "min_rows": min_rows}
    return compare_versions(a, b, model_file=model_file, knobs=knobs, slices=slices or (), promote=promote, stack=stack, as_json=json)


@app.command
def runs(
    *,
    model: str | None = None,
    verdict: Literal["APPROVED", "REJECTED", "SKIPPED"] | None = None,
    experiment: str | None = None,
    stage: Literal["development", "evaluation", "deployment"] | None = None,
    sort: str | None = None,
    metric: list[str] | None = None,
    limit: int = 20,
    trials: Annotated[bool, Parameter(negative="")] = False,
    stack: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    csv: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Compare training runs: a row a run, the newest first, or the best by a metric.

    Parameters
    ----------
    model
        Runs of this model alone, e.g. flight_delay, or dev.flights.flight_delay.
    verdict
        Runs with this verdict alone.
    experiment
        Runs of this MLflow experiment alone, e.g. /Shared/flights_ml_flight_delay_development.
    stage
        Runs of experiments of this stage alone.
    sort
        The best first by this metric of the test rows, e.g. test_r2 or rmse; train_rmse and the like are taken as well.
    metric
        A metric to show; may be given again. Those that decide on the models where none is named.
    limit
        So many runs at most.
    trials
        Show the trials of searches as well, each a run under its training run.
    stack
        The stack whose MLflow is read; the active one where none is named.
    json
        Print the runs as JSON, with all parameters and metrics.
    csv
        Print them as CSV, likewise: a column for each parameter and metric.
    """
    from commands.runs import list_runs

    return list_runs(
        model=model,
        verdict=verdict,
        experiment=experiment,
        stage=stage,
        sort=sort,
        metrics=metric or (),
        limit=limit,
        trials=trials,
        stack=stack,
        as_json=json,
        as_csv=csv,
    )


@app.command
def history(
    model: str,
    *,
    metric: list[str] | None = None,
    limit: int = 50,
    plot: Path | None = None,
    alias: str = "champion",
    stack: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Show how the versions of a model measured over time, which data and commit each was made of, and which aliases it has.

    Parameters
    ----------
    model
        The registered model, e.g. dev.flights.flight_delay; or its model file, or the name of one in configs/models.
    metric
        A metric of the test rows to show, e.g. f1; may be given again. Those that decide on the model where none is named.
    limit
        So many versions at most, the newest.
    plot
        Draw the metrics over time into this file, .png or .svg.
    alias
        The alias whose version stands out in the figure.
    stack
        The stack whose registry is read; the active one where none is named.
    json
        Print the versions as JSON, with all metrics of the test rows and their intervals.
    """
    from commands.history import show_history

    return show_history(model, metrics=metric or (), limit=limit, plot=plot, champion=alias, stack=stack, as_json=json)


@view.command(name="create")
def view_create(*, stack: str | None = None) -> int:
    """Create the view, or replace it: experiment_name, run_id, metric_name, metric_value, timestamp.

    Parameters
    ----------
    stack
        The stack whose MLflow lies in a database, sqlite or PostgreSQL; the active one where none is named.
    """
    from commands.view import create

    return create(stack)


@view.command(name="drop")
def view_drop(*, stack: str | None = None) -> int:
    """Remove the view, e.g. before MLflow's database is upgraded.

    Parameters
    ----------
    stack
        The stack whose MLflow lies in a database; the active one where none is named.
    """
    from commands.view import drop

    return drop(stack)


@view.command(name="sql")
def view_sql(dialect: Literal["sqlite", "postgresql"]) -> int:
    """Print the statements that create the view, to be run in the database of an MLflow server.

    Parameters
    ----------
    dialect
        The kind of database.
    """
    from commands.view import print_sql

    return print_sql(dialect)


@app.command
def score(
    model_file: Path,
    *,
    environment: OfEnvironment = None,
    catalog: OfCatalog = None,
    schema: OfSchema = None,
    stack: str = "local",
    output_file: Path | None = None,
) -> int:
    """Score a table of keys with the champion, and merge the answers into the predictions table.

    Parameters
    ----------
    model_file
        The model file, e.g. configs/models/flight_delay.yaml; its section `scoring` names the keys.
    stack
        The stack to run on.
    output_file
        Write what came of it to this file as JSON: rows, and seconds of each step.
    """
    from commands.effective_model import Flags
    from commands.score import score_keys

    return score_keys(model_file, Flags(environment, catalog, schema), stack, output_file)


@app.command
def rehearse(
    model_file: Path,
    *,
    environment: OfEnvironment = None,
    catalog: OfCatalog = None,
    schema: OfSchema = None,
    baseline_f1: OfBaseline = None,
    score: bool = False,
    keep: bool = False,
) -> int:
    """Run the job that Databricks would get on an emulated workspace of this machine, beside the local run, and compare.

    Leaves with 0 where rows, metrics, signature and metadata are equal, 1 where they differ.

    Parameters
    ----------
    model_file
        The model file, e.g. configs/models/flight_delay.yaml.
    score
        Score keys with the champion as well, on both stacks.
    keep
        Keep the workspace up until Ctrl-C, to look at its page.
    """
    from commands.effective_model import Flags
    from commands.rehearse import rehearse as rehearse_model

    return rehearse_model(model_file, Flags(environment, catalog, schema, baseline_f1), score=score, keep=keep)


@app.command
def doctor(
    stack: str | None = None,
    *,
    model_file: list[Path] | None = None,
    environment: OfEnvironment = None,
    catalog: OfCatalog = None,
    schema: OfSchema = None,
) -> int:
    """Examine a stack before anything is paid for: one table, with what to do about each finding.

    Leaves with 0 where nothing is wrong (warnings are allowed), 2 where a check failed, 5 where the workspace does not answer.

    Parameters
    ----------
    stack
        The stack of configs/stacks, e.g. databricks; the active one where none is named.
    model_file
        A model file whose tables and schedule are looked at; may be given again. All of configs/models where none is named.
    """
    from commands.doctor import examine
    from commands.effective_model import Flags

    return examine(stack, model_file or (), Flags(environment, catalog, schema))


@app.command
def cost(
    model_file: Path,
    *,
    prices: Path | None = None,
    cloud: Literal["aws", "azure", "gcp"] | None = None,
    node_type: str | None = None,
    workers: int = 0,
    startup_minutes: float = 5.0,
) -> int:
    """Preview what a model's jobs would cost on Databricks, from the steps' times on this machine and dated list prices.

    Parameters
    ----------
    model_file
        The model file, e.g. configs/models/flight_delay.yaml. Run it once before: `stackhouse run MODEL_FILE`.
    prices
        A table of prices in place of the one in configs/prices.
    cloud
        The cloud whose prices are taken; that of DATABRICKS_HOST, or AWS, where none is named.
    node_type
        The node type of the cluster; a general one of four cores where none is named.
    workers
        Workers beside the driver.
    startup_minutes
        How long the cluster takes to start.
    """
    from commands.cost import preview

    return preview(model_file, prices, cloud=cloud, node_type=node_type, workers=workers, startup_minutes=startup_minutes)


@app.command
def bundle(stack: str = "databricks", *, folder: Path = PROJECT, check: bool = False) -> int:
    """Write databricks.yml and its resources from a stack's configuration.

    Parameters
    ----------
    stack
        The stack of configs/stacks that says runtime, node types and access mode.
    folder
        Where the files are written.
    check
        Only say whether they are up to date; leaves with 1 where they are not.
    """
    from commands.bundle import write

    return write(stack, folder, check)


@app.command
def dashboard(*, zenml_port: int = 8237, mlflow_port: int = 5001) -> int:
    """Serve the ZenML dashboard and MLflow of the active store on this machine until Ctrl-C.

    Parameters
    ----------
    zenml_port
        Port of ZenML on 127.0.0.1; the next free one is taken where it is in use.
    mlflow_port
        Port of MLflow on 127.0.0.1; likewise.
    """
    from commands.dashboard import serve

    return serve(zenml_port, mlflow_port)


def main() -> None:
    """Run the command."""
    leave(app)


if __name__ == "__main__":
    main()
