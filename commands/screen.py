"""The one screen at the end of a run."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from commands.results import Results
from stackhouse.spec import ModelSpec
from stackhouse.tasks import TASKS

_COLOURS = {"APPROVED": "bold green", "REJECTED": "bold red", "SKIPPED": "bold yellow"}
_COLUMNS_SHOWN = 6


def print_screen(console: Console, spec: ModelSpec, results: Results) -> None:
    """Print what was read, cleaned, learned, judged and registered, and where to look further."""
    console.print()
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for title, text in (
        ("Rows read", f"{results.rows_read:,} of {spec.source.kind}"),
        ("Feature table", _feature_table(results)),
        ("Values cleaned", _cleaned(results)),
        ("Label", _label(results)),
        ("Point in time", _certificate(results)),
        *_lost(results),
        ("Split", _split(results)),
        ("Algorithm", _algorithm(results)),
    ):
        grid.add_row(title, escape(text))
    console.print(grid)
    if not results.evaluation.skipped:
        console.print(_metrics(results))
    colour = _COLOURS[results.verdict.outcome]
    console.print(f"[{colour}]{results.verdict.outcome}[/]  {escape('; '.join(results.verdict.reasons))}")
    _print_registration(console, spec, results)


def _feature_table(results: Results) -> str:
    table = results.feature_table
    state = "written" if table.written else "unchanged"
    return f"{table.name} version {table.version} ({state}), {table.rows:,} rows"


def _cleaned(results: Results) -> str:
    replaced = {name: column.total for name, column in results.cleaning.replaced.items() if column.total}
    if not replaced:
        return "none"
    largest = sorted(replaced.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} {count:,}" for name, count in largest[:_COLUMNS_SHOWN])
    more = f", and {sum(count for _, count in largest[_COLUMNS_SHOWN:]):,} in {len(largest) - _COLUMNS_SHOWN} more columns"
    return f"{results.cleaning.total:,}: {shown}{more if len(largest) > _COLUMNS_SHOWN else ''}"


def _label(results: Results) -> str:
    labels = results.labels
    missing = f"{labels.dropped:,} without label"
    if labels.is_binary:
        yes, no = labels.counts.get(1, 0), labels.counts.get(0, 0)
        severe = f" (severe imbalance, {labels.imbalance:.1f} to 1)" if labels.severe else ""
        return f"{labels.rule}: {yes:,} yes ({yes / labels.rows:.1%}), {no:,} no{severe}, {missing}"
    if labels.parts:
        held = ", ".join(f"{part.label} {part.counts.get(1, 0):,}" for part in labels.parts)
        return f"{held} of {labels.rows:,}, {missing}"
    if labels.counts:
        names = labels.class_names or tuple(str(cls) for cls in labels.counts)
        return (
            f"{labels.label}: {', '.join(f'{name} {rows:,}' for name, rows in zip(names, labels.counts.values(), strict=True))}, {missing}"
        )
    if labels.spread:
        low, middle, high = (labels.spread[said] for said in ("minimum", "median", "maximum"))
        return f"{labels.rule}: from {low:g} to {high:g}, median {middle:g}, {missing}"
    return f"{labels.rule}, {labels.rows:,} rows"


def _certificate(results: Results) -> str:
    proof = results.certificate
    matched = f"{proof.matched_rows:,} of {proof.spine_rows:,} labels matched"
    if proof.rows_measured == 0:
        return f"features have no time and are joined by key; {matched}"
    youngest, oldest = abs(proof.latest_feature_minus_label_hours), proof.oldest_age_hours
    ages = f"known {youngest:g} to {oldest:g} h before it" if oldest else "each known exactly at its label's time"
    return f"no feature is later than its label ({ages}); {matched}"


def _lost(results: Results) -> list[tuple[str, str]]:
    message = results.certificate.lost_message
    return [("Rows left out", message)] if message else []


def _split(results: Results) -> str:
    train, test = results.evaluation.train_period, results.evaluation.test_period
    if not (train and test and train.last and test.first and test.last):
        judged = f", {test.rows:,} to judge, drawn at random" if test else ""
        return f"{results.record.train_period.rows:,} rows to learn{judged}"
    judged = f"{test.rows:,} from {test.first:%Y-%m-%d} to {test.last:%Y-%m-%d} to judge"
    return f"{train.rows:,} rows until {train.last:%Y-%m-%d} to learn, {judged}"


def _algorithm(results: Results) -> str:
    tuning, tried = results.tuning, len(results.tuning.trials)
    if tuning.search:
        found = f"{tuning.metric} {tuning.trials[tuning.chosen].cross_validated}"
        return f"{results.record.algorithm}, the best of {tried} trials on {len(tuning.search.fold_rows)} folds: {found}"
    return f"{results.record.algorithm}, the best of {tried} on validation rows by {tuning.metric}" if tried else "none trained"


def _metrics(results: Results) -> Grid:
    table = Grid(title_justify="left", box=None, padding=(0, 2), pad_edge=False)
    table.add_column("Metric", style="bold")
    found = results.evaluation
    in_time = found.test_period is not None and found.test_period.first is not None
    drawn = in_time and bool(found.random_split)
    columns = {"time-ordered test": found.test, "random split*": found.random_split} if drawn else {"test": found.test}
    if found.reference:
        columns["guess"] = found.reference
    for title in columns:
        table.add_column(title, justify="right")
    for name in dict.fromkeys((*TASKS[found.task].metrics, *found.test)):
        values = [metrics.get(name) for metrics in columns.values()]
        if all(value is None for value in values):
            continue
        table.add_row(name, *("-" if value is None else f"{value:.4f}" for value in values))
    if drawn:
        table.caption = "* for comparison only: rows of the same days on both sides flatter a model"
        table.caption_justify = "left"
    return table


def _print_registration(console: Console, spec: ModelSpec, results: Results) -> None:
    registration = results.registration
    if registration.version is None:
        console.print(f"[bold]Not registered[/]  {registration.name}")
    else:
        state = "registered" if registration.new else "nothing new registered"
        console.print(f"[bold]{registration.name} version {registration.version}[/]  {state}: {escape(registration.reason)}")
        passed = sum(check.passed for check in results.validation.checks)
        console.print(f"[bold]Validation[/]  {passed} of {len(results.validation.checks)} checks passed")
        decision = "promoted" if results.promotion.promoted else "not promoted"
        console.print(f"[bold]{spec.registry.champion_alias.capitalize()}[/]  {decision}: {escape(results.promotion.reason)}")
    console.print()
    console.print("[bold]Look further[/]")
    console.print("  make dashboard                                 runs and reports in ZenML, metrics and models in MLflow")
    console.print("  . ./activate && zenml pipeline runs list       the same by ZenML's own command")
    if registration.version:
        uri = f"models:/{registration.name}@{spec.registry.alias}"
        console.print(f"  . ./activate && python -c \"import mlflow; print(mlflow.pyfunc.load_model('{uri}'))\"")
