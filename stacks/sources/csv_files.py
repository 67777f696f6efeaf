"""CSV files. Each is looked through twice before it is used: for its structure, and for the type of every column.

Neither pass holds more than a piece of the file. What comes out is a lazy scan with casts of which it is known that they succeed:
a later step meets no malformed row and no value that does not fit.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from stackhouse.errors import ColumnNotFoundError, DataError, EmptyTableError, InfrastructureError
from stackhouse.sources import CsvSource, assign
from stackhouse.table import Table
from stacks.sources.csv_structure import read_structure
from stacks.sources.csv_types import given_type, infer_types


def read_csv_files(source: CsvSource, inputs: Sequence[str]) -> dict[str, Table]:
    """Open CSV files lazily, by the names of the inputs.

    Numbers and `true`/`false` get their types where every value of the file is one; whole numbers with a leading zero, or too large
    for 64 bits, are codes and stay text. Dates and times get theirs where every value is in one form of ISO 8601: a date, a date and
    time, or one with an offset or Z, which becomes UTC. All else is text.

    Raises:
        ColumnNotFoundError: where types or times name a column that no file has.
        DataError: where a file is not CSV in UTF-8, or a value is not of the type that is given for its column.
        EmptyTableError: where a file has no rows.
        InfrastructureError: where a file cannot be read.
    """
    paths = assign("path", source.path, inputs)
    scans = {name: _scan(_file(path), source) for name, path in paths.items()}
    existing = list(dict.fromkeys(column for scan in scans.values() for column in scan.collect_schema()))
    if missing := [column for column in (*source.types, *source.times) if column not in existing]:
        raise ColumnNotFoundError.missing(", ".join(paths.values()), missing, existing, "Correct source.types or source.times.")
    return {name: Table.of(_typed(_file(paths[name]), scan, source), name=paths[name]) for name, scan in scans.items()}


def _file(path: str) -> Path:
    file = Path(path).expanduser().absolute()
    if file.is_dir():
        raise InfrastructureError(f"{file} is a folder. Give one CSV file; several files of one table are better kept as Parquet.")
    if not file.exists():
        raise InfrastructureError(f"No file is at {file}. Correct source.path; a relative path starts at the working directory.")
    return file


def _scan(file: Path, source: CsvSource) -> pl.LazyFrame:
    """Scan every column as text, after the structure of the file was checked; rows in which nothing stands are left out."""
    structure = read_structure(file, source.separator)
    if not structure.rows:
        raise EmptyTableError.no_rows(str(file), "Give a file with rows below its header.")
    scan = pl.scan_csv(file, separator=source.separator, null_values=list(source.null_values), infer_schema=False, glob=False)
    try:
        names, rows = scan.collect_schema().names(), scan.select(pl.len()).collect(engine="streaming").item()
    except pl.exceptions.PolarsError as error:
        raise _malformed(file, error) from error
    if tuple(names) != structure.columns or rows - structure.blank_lines != structure.rows:
        raise DataError(f'{file} can be read in two ways, most likely because of a quote inside a value. Double such quotes ("").')
    return scan.filter(~pl.all_horizontal(pl.all().is_null())) if structure.blank_lines else scan


def _typed(file: Path, scan: pl.LazyFrame, source: CsvSource) -> pl.LazyFrame:
    """Cast the columns: to the types that are given, and to those that all values have."""
    columns = scan.collect_schema().names()
    given = {column: given_type(column, source) for column in columns if column in source.types or column in source.times}
    try:
        inferred = infer_types(scan.select(column for column in columns if column not in given))
        for column, cast in given.items():
            _require_all(file, scan, column, cast)
    except pl.exceptions.PolarsError as error:
        raise _malformed(file, error) from error
    casts = given | inferred
    return scan.with_columns(casts[column].alias(column) for column in columns if column in casts)


def _require_all(file: Path, scan: pl.LazyFrame, column: str, cast: pl.Expr) -> None:
    """Check that every value of a column has the type that is given for it."""
    wrong = scan.select(value=pl.col(column), cast=cast).with_row_index("row", offset=1)
    first = wrong.filter(pl.col("value").is_not_null() & pl.col("cast").is_null()).head(1).collect(engine="streaming")
    if len(first):
        row, value = first.item(0, "row"), first.item(0, "value")
        raise DataError(
            f"{file}, row {row:,} below the header: '{value[:40]}' in column '{column}' is not what source.types or source.times "
            "says. Correct the value, the type, or source.null_values."
        )


def _malformed(file: Path, error: Exception) -> DataError:
    return DataError(f"{file} cannot be read as CSV: {str(error).splitlines()[0]}. Export it again, with values in double quotes.")
