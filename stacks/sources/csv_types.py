"""Types of the columns of a CSV file, from the text of all their values."""

import polars as pl

from stackhouse.sources import ColumnType, CsvSource

_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
_INFERRED: tuple[ColumnType, ...] = ("boolean", "integer", "number")
_CODE = r"^[+-]?0\d"
_WHOLE = r"^[+-]?\d+$"
_ISO_DATE = r"^\d{4}-\d{2}-\d{2}"
_ISO_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")


def given_type(column: str, source: CsvSource) -> pl.Expr:
    """Return the expression for a column whose type or format the model file gives; null where a value does not fit."""
    if column in source.times:
        return _time(pl.col(column), source.times[column])
    return _plain(column)[source.types[column]]


def infer_types(scan: pl.LazyFrame) -> dict[str, pl.Expr]:
    """Return the cast of each column that is not text, all values of which it fits. Columns without a value are text."""
    columns = scan.collect_schema().names()
    if not columns:
        return {}
    counts = scan.select(count.alias(f"{column} {name}") for column in columns for name, count in _counts(column).items())
    found = counts.collect(engine="streaming").row(0, named=True)
    casts: dict[str, pl.Expr] = {}
    dated = []
    for column in columns:
        values = found[f"{column} values"]
        if values and found[f"{column} iso"] == values:
            dated.append(column)
        elif values and (fitting := [kind for kind in _INFERRED if found[f"{column} {kind}"] == values]):
            codes = fitting[0] != "boolean" and found[f"{column} codes"]
            casts |= {} if codes else {column: _plain(column)[fitting[0]]}
    return casts | _infer_times(scan.select(dated))


def _infer_times(scan: pl.LazyFrame) -> dict[str, pl.Expr]:
    columns = scan.collect_schema().names()
    if not columns:
        return {}
    casts = {column: [_iso(pl.col(column), form) for form in ("%Y-%m-%d", *_ISO_TIMES)] for column in columns}
    unparsed = scan.select(
        (pl.col(column).is_not_null() & cast.is_null()).sum().alias(f"{column} {place}")
        for column in columns
        for place, cast in enumerate(casts[column])
    )
    found = unparsed.collect(engine="streaming").row(0, named=True)
    fitting = {column: [cast for place, cast in enumerate(casts[column]) if not found[f"{column} {place}"]] for column in columns}
    return {column: found_casts[0] for column, found_casts in fitting.items() if found_casts}


def _plain(column: str) -> dict[ColumnType, pl.Expr]:
    text = pl.col(column)
    return {
        "boolean": pl.when(text.is_in(_TRUE)).then(statement=True).when(text.is_in(_FALSE)).then(statement=False),
        "integer": text.cast(pl.Int64, strict=False),
        "number": text.cast(pl.Float64, strict=False),
        "text": text,
    }


def _counts(column: str) -> dict[str, pl.Expr]:
    """Count the values of a column that are of each type, that are codes rather than numbers, and that begin as an ISO date does."""
    text, plain = pl.col(column), _plain(column)
    too_large = text.str.contains(_WHOLE) & plain["integer"].is_null()
    return {
        "values": text.count(),
        "boolean": plain["boolean"].count(),
        "integer": plain["integer"].count(),
        "number": plain["number"].count(),
        "codes": (text.str.contains(_CODE) | too_large).sum(),
        "iso": text.str.contains(_ISO_DATE).sum(),
    }


def _iso(text: pl.Expr, form: str) -> pl.Expr:
    """Parse ISO 8601 with a 'T' or a space between date and time, and 'Z' or an offset at the end."""
    return _time(text.str.replace("T", " ", literal=True), form)


def _time(text: pl.Expr, form: str) -> pl.Expr:
    if not any(part in form for part in ("%H", "%I", "%s", "%T", "%X", "%c", "%R")):
        return text.str.to_date(form, strict=False)
    return text.str.to_datetime(form, time_unit="us", strict=False)
