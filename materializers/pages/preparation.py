"""The pages of a preparation: which rows were read, how they were divided, and the two tables as they were written."""

from materializers.pages.layout import Html, facts, figures, note, page, section, share, table
from stackhouse.preparation import Division, PreparedTables, SourceRecord


def source_record_page(report: SourceRecord) -> str:
    """Show the tables that rows came from, and how many were left out for which reason."""
    without = [(f"no value in {column}", rows) for column, rows in report.without.items()]
    left_out = [*without, ("said what another row says", report.repeated), ("no features found", report.lost)]
    read = [(found.name, found.version, found.rows, found.primary_keys) for found in report.tables]
    tables = section("Read from", table(("table", "version", "rows", "primary keys"), read)) if read else Html()
    lost = note(report.lost_message) if report.lost_message else Html()
    reasons = section("Left out", table(("because", "rows"), left_out), lost)
    return page("Source", f"Rows of kind {report.kind}", figures({"rows": report.rows}), tables, reasons)


def division_page(report: Division) -> str:
    """Show how rows were divided, and the classes of either part."""
    train, test = sum(report.train.values()), sum(report.test.values())
    rows = [
        (
            value,
            report.train.get(value, 0),
            share(report.train.get(value, 0), train),
            report.test.get(value, 0),
            share(report.test.get(value, 0), test),
        )
        for value in dict.fromkeys((*report.train, *report.test))
    ]
    how = f"by {report.time}, the latest being the test rows" if report.by == "time" else f"at random, seed {report.seed}"
    classes = section("Classes", table((report.label, "train", "of train", "test", "of test"), rows))
    return page(
        "Division", report.label, figures({"train": train, "test": test}), facts({"divided": how, "test share": report.test_size}), classes
    )


def prepared_tables_page(report: PreparedTables) -> str:
    """Show both tables with version, rows and place, and the columns that a model reads of them."""
    rows = [
        (part, found.name, found.version, found.rows, "written" if found.written else "held the same rows already", found.uri)
        for part, found in (("train", report.train), ("test", report.test))
    ]
    tables = table(("part", "table", "version", "rows", "this run", "place"), rows)
    return page("Training tables", report.train.name, tables, section("Columns", facts({"keys": report.keys, "features": report.features})))
