"""The pages of table versions in the feature store, which training sets are made of."""

from materializers.pages.layout import Html, figures, note, page, table
from stackhouse.record import TableVersion, TrainingData


def table_version_page(report: TableVersion) -> str:
    """Show where a version of a table lies and whether this run wrote it."""
    state = "This run wrote the version." if report.written else "The table held the same rows already, so no new version was written."
    numbers = figures({"version": f"{report.version}", "rows": report.rows})
    return page("Feature table", report.name, numbers, note(state), versions({"table": report}))


def training_data_page(report: TrainingData) -> str:
    """Show which versions of features and labels a training set was made of."""
    return page("Training data", f"{report.features.name} and {report.labels.name}", versions_of(report))


def versions_of(data: TrainingData) -> Html:
    """Show features and labels with their versions."""
    return versions({"features": data.features, "labels": data.labels})


def versions(tables: dict[str, TableVersion]) -> Html:
    """Show tables with version, rows, keys and place, by what they are used for."""
    head = ("used as", "table", "version", "rows", "primary keys", "place")
    return table(head, [(use, t.name, t.version, t.rows, t.primary_keys, t.uri) for use, t in tables.items()])
