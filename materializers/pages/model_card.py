"""The model card: what a reader has to know before relying on a model, and what the numbers do not say."""

from collections.abc import Iterator

from materializers.pages.data import versions
from materializers.pages.evaluation import (
    calibration,
    confusion,
    curves,
    decision,
    headline,
    importance,
    interval,
    is_ordered,
    metrics_table,
    periods,
    residuals,
    slices,
)
from materializers.pages.layout import Html, facts, instant, listed, note, page, section, share, statement, tag
from materializers.pages.training import answer, inputs
from materializers.pages.verdict import TONES
from stackhouse.answers import PREDICT_METHODS
from stackhouse.cleaning import CleaningRule
from stackhouse.evaluation.decision import FixedThreshold, describe_goal
from stackhouse.evaluation.evaluation import Evaluation
from stackhouse.evaluation.imbalance import is_severe
from stackhouse.record import ModelCard, Registration
from stackhouse.tasks import TASKS, TaskName


def model_card_page(report: ModelCard) -> str:
    """Show what the model answers, how good it is, where that ends, and how to load it."""
    who, version, found = report.identity, report.registration.version, report.evaluation
    measured = found.skipped is None
    return page(
        f"Model card: {who.domain}, {who.task}",
        f"{who.name}, version {version}" if version else f"{who.name}, not registered",
        tag("p", who.use_case, class_="lead"),
        statement(report.outcome, TONES.get(report.outcome, "quiet"), *report.reasons),
        headline(found) if measured else Html(),
        section("How to load it", _loading(report.registration, found.task)),
        answer(report.rules) if report.rules else Html(),
        metrics_table(found) if measured else section("Metrics", note(f"There are none: {found.skipped}.")),
        section("Limitations", listed(limitations(report))),
        *(part(found) for part in (decision, slices, curves, calibration, residuals, confusion, importance, periods) if measured),
        section("Data", versions(report.data)),
        *(inputs(report.rules) if report.rules else ()),
        section("Names", facts({"registered as": report.registration.name, "project": who.project, "run": report.registration.run_id})),
    )


def limitations(card: ModelCard) -> Iterator[str]:
    """Say what follows from the record itself about where the model must not be trusted."""
    if card.outcome != "APPROVED":
        yield f"The verdict is {card.outcome}: do not rely on this model."
    if card.evaluation.skipped:
        yield f"Nothing was measured: {card.evaluation.skipped}."
    else:
        yield from _of_rows(card.evaluation)
        yield from _of_classes(card.evaluation)
        yield from _of_slices(card.evaluation)
        yield from _of_metrics(card.evaluation.test, card.evaluation.train, card.evaluation.random_split)
        yield "Importance says what the model uses, not what causes the outcome."
    if card.rules:
        yield _of_cleaning(card.rules.cleaning)


def _of_rows(found: Evaluation) -> Iterator[str]:
    period, bounds = found.test_period, found.intervals.get(TASKS[found.task].deciding)
    sure = f"{TASKS[found.task].deciding} may as well be {interval(bounds)}" if bounds else "no confidence interval"
    if period and period.first and period.last:
        span = f"from {instant(period.first)} to {instant(period.last)}"
        yield f"Judged on {period.rows:,} rows {span} only: a single period, {sure}, and no word about later times."
    elif period:
        yield f"Judged on {period.rows:,} rows only: {sure}."
    if not is_ordered(found):
        yield "The test rows are not known to be later than the training rows; expect less on future rows."


def _of_classes(found: Evaluation) -> Iterator[str]:
    if is_severe(found.imbalance):
        larger = f"{found.imbalance:,.0f} training rows of the larger class for each row of the smaller"
        yield f"The classes are severely out of balance, {larger}: accuracy says little, and the smaller class is known from few rows."
    if found.decision_threshold is not None and not isinstance(found.decision, FixedThreshold):
        said = f"{found.decision_threshold:.4g} ({describe_goal(found.decision)})"
        yield f"Its decision threshold {said} holds as long as the probabilities keep meaning what they meant there."


def _of_slices(found: Evaluation) -> Iterator[str]:
    for part in found.slices:
        if part.worse and found.slice_metric:
            values = f"{part.metrics[found.slice_metric]:.4f} instead of {found.test[found.slice_metric]:.4f} on {part.rows:,} rows"
            yield f"It is worse where {part.column} is {part.value}: {found.slice_metric} {values}."


def _of_metrics(test: dict[str, float], train: dict[str, float], drawn: dict[str, float]) -> Iterator[str]:
    area, base = "roc_auc", "positive_class_ratio"
    if area in test and area in drawn:
        optimistic = drawn[area] > test[area]
        why = "optimistic, since it tests on times that it also trained on" if optimistic else "no evidence about the future"
        yield f"A random split would show {area} {drawn[area]:.4f} instead of {test[area]:.4f}. That is {why}; do not quote it."
    if area in test and area in train and train[area] > test[area]:
        gap = f"{train[area]:.4f} on its own training rows and {test[area]:.4f} on the test rows"
        yield f"{area} is {gap}: not all that it learned carries over."
    if "recall" in test and "precision" in test:
        right = f"{share(test['precision'])} of what it calls class 1 is class 1"
        yield f"At its decision threshold it finds {share(test['recall'])} of the rows of class 1, and {right}."
    if base in test and base in train:
        shares = f"{share(train[base])} of the training rows and {share(test[base])} of the test rows"
        yield f"Class 1 was {shares}; precision moves with that share."


def _of_cleaning(rule: CleaningRule) -> str:
    named = f" ({len(rule.columns)} features have a value of their own)" if rule.columns else ""
    return f"NaN, ±Inf and null in a feature become {rule.default:g}{named}; the model cannot tell them from a measured {rule.default:g}."


def _loading(registration: Registration, task: TaskName) -> Html:
    if registration.version is None:
        return note(f"Nothing was registered: {registration.reason}.")
    lines = (
        "import mlflow",
        "",
        f'model = mlflow.pyfunc.load_model("models:/{registration.name}/{registration.version}")',
        "model.predict(rows)",
        *(f'model.predict(rows, params={{"predict_method": "{method}"}})' for method in PREDICT_METHODS[task][1:]),
    )
    return tag("pre", tag("code", "\n".join(lines)))
