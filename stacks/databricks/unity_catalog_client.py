"""What is asked of Databricks' `FeatureEngineeringClient`: where it comes from, its training sets, and models that carry their lookups.

The package databricks-feature-engineering may only be used under an agreement with Databricks. It is no dependency of ours, stands
in no lock, and is imported when the store is used. Its calls are those of version 0.18.2, every argument by its keyword.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Literal

from deltalake.exceptions import CommitFailedError

from stackhouse.errors import InfrastructureError, StackhouseError
from stackhouse.point_in_time import Match
from stackhouse.table import Table

ResultType = Literal["double", "float", "long", "int", "boolean", "string"]

_FASTER = ("DELTA_CONCURRENT_", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED", "Concurrent", "MetadataChangedException")
"""How an error begins, or names its class, where another writer was faster. Source: error classes of Databricks."""


def feature_engineering() -> Any:
    """Return the module `databricks.feature_engineering`.

    Raises:
        InfrastructureError: where it is not installed.
    """
    try:
        return import_module("databricks.feature_engineering")
    except ImportError as error:
        raise InfrastructureError(
            f"The unity_catalog feature store needs the library databricks-feature-engineering, which is not here ({error.name}): run on "
            "Databricks, on an ML runtime, where it ships, or on a cluster that it is added to, and use the delta feature store elsewhere."
        ) from error


def feature_engineering_client() -> Any:
    """Return a client of the workspace that this code runs in.

    Raises:
        InfrastructureError: where the library is not installed, or does not run here.
    """
    module = feature_engineering()
    with told("Databricks' FeatureEngineeringClient cannot be used here"):
        return module.FeatureEngineeringClient()


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say in our words what could not be done where the client, Spark or the catalog refuses. A lost race is told apart.

    Raises:
        CommitFailedError: where another writer was faster.
        InfrastructureError: where anything else went wrong.
    """
    try:
        yield
    except (StackhouseError, CommitFailedError):
        raise
    except Exception as error:  # the client, Spark and the catalog have dozens, some of them in no module that can be imported here
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if type(error).__name__.startswith(_FASTER) or said.removeprefix("[").startswith(_FASTER):
            raise CommitFailedError(said) from error
        raise InfrastructureError(f"{what}: {said[:600].rstrip('.')}.") from error


def make_training_set(client: Any, spine: Table, rows: Any, matches: Sequence[Match], excluded: Sequence[str] = ()) -> Any:
    """Return the client's own TrainingSet, which a model is logged with so that Databricks can look its features up.

    `rows` is the spine as a Spark frame. Whatever the spine carries beside its label and features is excluded, keys and times first:
    the client would take it for a feature.

    Source: the column of time is left out of `lookup_key` and named by `timestamp_lookup_key`; `default_values` goes by the output.

    Raises:
        InfrastructureError: where the client refuses.
    """
    lookup = feature_engineering().FeatureLookup
    staying = (*spine.roles.features, spine.roles.label)
    carried = [column for column in (*spine.roles.identity, *spine.columns) if column not in staying]
    with told(f"Databricks makes no training set of {spine.name}"):
        return client.create_training_set(
            df=rows,
            feature_lookups=[
                lookup(
                    table_name=match.table.name,
                    lookup_key=list(match.keys.values()),
                    feature_names=list(match.outputs),
                    rename_outputs={feature: output for feature, output in match.outputs.items() if feature != output},
                    timestamp_lookup_key=match.time,
                    lookback_window=match.window,
                    default_values=dict(match.defaults),
                )
                for match in matches
            ],
            label=spine.roles.label,
            exclude_columns=list(dict.fromkeys((*carried, *excluded))),
        )


def log_model(client: Any, model: Any, flavor: Any, training_set: Any, registered_name: str, output_schema: Any) -> None:
    """Log and register a model together with the lookups of its training set, in the active run of MLflow.

    Unity Catalog takes no model whose signature lacks outputs, and the client cannot always infer them: `output_schema` is required.

    Raises:
        InfrastructureError: where the client refuses.
    """
    with told(f"{registered_name} cannot be logged with its lookups"):
        client.log_model(
            model=model,
            artifact_path="model",
            flavor=flavor,
            training_set=training_set,
            registered_model_name=registered_name,
            infer_input_example=True,
            output_schema=output_schema,
        )


def score_batch(client: Any, model_uri: str, rows: Any, result_type: ResultType = "double") -> Any:
    """Score a Spark frame of keys and times with a model that was logged with its lookups; the answer stands in `prediction`.

    Raises:
        InfrastructureError: where the client refuses.
    """
    with told(f"{model_uri} cannot score"):
        return client.score_batch(model_uri=model_uri, df=rows, result_type=result_type)
