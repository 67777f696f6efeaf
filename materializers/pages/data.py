"""The pages of tables: what a source gave, and the versions in the feature store that training sets are made of."""

from materializers.pages.layout import Html, facts, figures, note, page, section, table, tag
from stackhouse.record import FeatureTable, TableVersion, TrainingData
from stackhouse.sources import SourceTables
from stackhouse.table import Table


def source_page(source: SourceTables) -> str:
    """Show which tables a source gave, with rows and columns, and never a value."""
    rows = [(name, found.name, found.count(), ", ".join(_typed_columns(found))) for name, found in source.tables.items()]
    return page("Source", "Tables that were read", table(("input", "read from", "rows", "columns"), rows))


def columns_page(found: Table) -> str:
    """Show the columns of a table that is too large to be profiled wherever it is handed on."""
    roles = {
        column: role
        for role, columns in found.roles.model_dump().items()
        for column in ([columns] if isinstance(columns, str) else columns or ())
    }
    rows = [(name, str(dtype), roles.get(name, "")) for name, dtype in found.frame.collect_schema().items()]
    hint = note("Profiled where it is validated; see validate_features.")
    return page("Table", found.name, figures({"rows": found.count(), "columns": len(rows)}), hint, table(("column", "type", "role"), rows))


def _typed_columns(found: Table) -> list[str]:
    return [f"{name} ({dtype})" for name, dtype in found.frame.collect_schema().items()]


def table_version_page(report: TableVersion) -> str:
    """Show where a version of a table lies and whether this run wrote it."""
    state = "This run wrote the version." if report.written else "The table held the same rows already, so no new version was written."
    numbers = figures({"version": report.version, "rows": report.rows})
    return page("Feature table", report.name, numbers, note(state), facts({"place": report.uri, "primary keys": report.primary_keys}))


def feature_table_page(report: FeatureTable) -> str:
    """Show what a table of the feature store says of itself."""
    numbers = figures({"version": report.version, "rows": report.rows, "columns": len(report.columns)})
    said = {
        "description": report.description,
        "tags": ", ".join(f"{key}: {value}" for key, value in report.tags.items()),
        "primary keys": report.primary_keys,
        "timestamp": report.timestamp or "none",
        "created": f"{report.created:%Y-%m-%d %H:%M} UTC",
        "earlier versions are kept": f"{report.retention_days} days",
        "place": report.uri,
    }
    roles = dict.fromkeys(report.primary_keys, "primary key") | dict.fromkeys(report.features, "feature")
    roles |= {column: role for column, role in ((report.timestamp, "timestamp"), (report.label, "label")) if column}
    columns = table(("column", "type", "role"), [(name, dtype, roles.get(name, "")) for name, dtype in report.columns.items()])
    return page("Feature table", report.name, numbers, facts(said), section("Columns", columns))


def training_data_page(report: TrainingData) -> str:
    """Show which versions of features and labels a training set was made of."""
    return page("Training data", "Tables and versions that the training set was made of", versions(report))


def versions(data: TrainingData) -> Html:
    """Show features and labels with version, rows, keys and place."""
    rows = [
        (use, tag("div", found.name, tag("div", found.uri, class_="small")), found.version, found.rows, found.primary_keys)
        for use, found in (*(("features", found) for found in data.tables), ("labels", data.labels))
    ]
    return table(("used as", "table", "version", "rows", "primary keys"), rows)
