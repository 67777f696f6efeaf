"""Troubles that the training guides list: the message by which a user knows each, its cause, what Stackhouse says in its place, the remedy.

What belongs here: the words. Whatever a trouble says is said where it is detected, before the library's own error; tests provoke each.
`docs/troubleshooting.md` shows this table, and a test compares the two.
"""

import re
from typing import NamedTuple


class Trouble(NamedTuple):
    """One trouble. In `says`, … stands for names and numbers; it is empty where the trouble cannot come up, and `cause` says why."""

    symptom: str
    cause: str
    says: str
    remedy: str

    def is_said_in(self, message: str) -> bool:
        """Whether a message is what Stackhouse says of this trouble.

        >>> Trouble("", "", "Lost … rows in join.", "").is_said_in("It is so: Lost 51 rows in join. Look at the keys.")
        True
        """
        return bool(self.says) and re.search(".*".join(re.escape(part) for part in self.says.split("…")), message, re.DOTALL) is not None


TROUBLES = (
    Trouble(
        "signature contains only inputs",
        "The version was logged without a schema of its outputs. Models that Stackhouse trains always have one.",
        "outputs are missing; Unity Catalog would refuse the version. Log the model with both",
        "Train with `train_model` or `stackhouse run`; a model from elsewhere needs a signature with inputs and outputs.",
    ),
    Trouble(
        "Model contains only inputs",
        "The same: there is no output schema.",
        "outputs are missing; Unity Catalog would refuse the version. Log the model with both",
        "As above.",
    ),
    Trouble(
        "signature metadata missing",
        "The version was logged without signature and input example.",
        "there is none; Unity Catalog would refuse the version. Log the model with inputs and outputs, or an input_example",
        "Log it with a signature, then register it again.",
    ),
    Trouble(
        "DECIMAL type not supported",
        "Does not come up: numbers of any type, DECIMAL included, are read as float64, and the signature says double.",
        "",
        "Nothing to do.",
    ),
    Trouble(
        "Input X contains NaN",
        "A feature table holds NaN, ±Inf or null.",
        "holds NaN, ±Inf or null in …. Clean at the source: run the feature_engineering pipeline again.",
        "Run feature_engineering (or `prepare_data`), which cleans where the table is made.",
    ),
    Trouble(
        "base_score must be in (0,1)",
        "A classifier was given measured values as its label.",
        "of a binary classifier holds … values other than 0 and 1, e.g. …. Give a threshold under model.label",
        "Give the label a threshold (`kind: threshold`).",
    ),
    Trouble(
        "Column not found",
        "The model reads a column that rows to score lack, such as its own label or the column that the label was made of.",
        "cannot be a feature: it would not be known when the model scores.",
        "Leave label, its source, keys and times out of the features; it is refused when the training set is made.",
    ),
    Trouble(
        "Missing flavor",
        "The version has no flavor that MLflow can score with.",
        "it has no flavor python_function, so nothing can score with it; it has …",
        "Log the model by `mlflow.<library>.log_model`, or train it with `train_model`.",
    ),
    Trouble(
        "Experiment not found",
        "No run was ever logged there. `register_model` looks for runs in /Shared/{catalog}/{schema}/training.",
        "Experiment '…' not found. Train a model first (train_model), or name the experiment of its runs with --experiment-name",
        "Train first, or name the experiment.",
    ),
    Trouble(
        "No module named 'databricks_monitoring'",
        "Does not come up: nothing of Stackhouse imports it.",
        "",
        "`make install` repairs an environment that is not whole.",
    ),
    Trouble(
        "Model doesn't improve baseline",
        "F1 is not strictly above the baseline, so that `train_model` leaves with 1.",
        "f1 is …, has to be > … (baseline)",
        "Lower --baseline-f1, tune, or look at the features: validation, importance and slices stand in the dashboard.",
    ),
    Trouble(
        "PermissionDenied: User does not have USAGE on catalog",
        "A grant is missing. Unity Catalog calls it USE CATALOG today.",
        "GRANT USE CATALOG ON CATALOG …; GRANT USE SCHEMA, CREATE MODEL ON SCHEMA …; GRANT EXECUTE ON MODEL …",
        "Let an owner grant what the message says; `stackhouse doctor databricks` looks beforehand.",
    ),
    Trouble(
        "Table 'catalog.schema.feature_table' not found",
        "The feature table was never written, or in another store.",
        "Feature table … does not exist in …. Run feature_engineering with the same model file first.",
        "Write the table first, and look at the active stack (`zenml stack describe`).",
    ),
    Trouble(
        "Lost X rows in join",
        "Labels have keys that the feature table lacks, or are older than its first row.",
        "Lost … rows in join. Ensure label table has matching lookup_key values: … has … keys (…), … has …, … are not in it",
        "Compare the counts of keys in the message; compute features for the earlier period.",
    ),
    Trouble(
        "No module named 'databricks.feature_engineering'",
        "The library is Databricks' own and is no dependency.",
        "The unity_catalog feature store needs the library databricks-feature-engineering, which is not here",
        "Run on an ML runtime, where it ships, or use the `delta` feature store.",
    ),
    Trouble(
        "MLflow connection refused",
        "The tracker of the active stack does not answer.",
        "MLflow cannot be reached, and nothing was begun: …. Look at the experiment tracker of the active stack",
        "Start the server, or correct the tracker's address or token.",
    ),
    Trouble(
        "Training fails with OOM error",
        "The training rows do not fit into memory. The system ends the process, so that no message can be given.",
        "",
        "Set `split.sample_ratio`, and `scoring.batch_size` for batch inference.",
    ),
    Trouble(
        "Poor model performance",
        "The model is no better than a guess by class share.",
        "has to be > … (guess by class share)",
        "Look at the pages of validation, leaks, importance and slices.",
    ),
    Trouble(
        "Data quality issue detected",
        "Rows break an expectation of the model file.",
        "failed validation: …. Nothing was written. Data quality issue detected",
        "Repair the source, or correct the expectation under `validation`.",
    ),
)


def as_markdown() -> str:
    """Return the table as it stands in `docs/troubleshooting.md`, one row a trouble."""
    head = "| Message in the guides | Cause | What Stackhouse says | Remedy |\n|---|---|---|---|\n"
    rows = (f"| `{one.symptom}` | {one.cause} | {f'“{one.says}”' if one.says else '–'} | {one.remedy} |\n" for one in TROUBLES)
    return head + "".join(rows)
