"""The pages of table versions in the feature store, which training sets are made of."""

from materializers.pages.layout import Html, facts, figures, note, page, table, tag
from stackhouse.record import TableVersion, TrainingData


def table_version_page(report: TableVersion) -> str:
    """Show where a version of a table lies and whether this run wrote it."""
    state = "This run wrote the version." if report.written else "The table held the same rows already, so no new version was written."
    numbers = figures({"version": report.version, "rows": report.rows})
    return page("Feature table", report.name, numbers, note(state), facts({"place": report.uri, "primary keys": report.primary_keys}))


def training_data_page(report: TrainingData) -> str:
    """Show which versions of features and labels a training set was made of."""
    return page("Training data", "Tables and versions that the training set was made of", versions(report))


def versions(data: TrainingData) -> Html:
    """Show features and labels with version, rows, keys and place."""
    rows = [
        (use, tag("div", found.name, tag("div", found.uri, class_="small")), found.version, found.rows, found.primary_keys)
        for use, found in (("features", data.features), ("labels", data.labels))
    ]
    return table(("used as", "table", "version", "rows", "primary keys"), rows)
