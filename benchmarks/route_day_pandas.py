"""The features and labels of `stackhouse/features/route_day.py`, written directly in pandas with the same parameters."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import parquet

ROUTE = ["origin", "dest"]
WINDOWS, LAGS, LATE_MINUTES, MIN_FLIGHTS = (7, 30), (1, 6), 15, 6
COLUMNS = ["date", *ROUTE, "sched_dep_time", "dep_delay", "arr_delay", "air_time"]


def write(files: Sequence[str], features: Path, labels: Path) -> None:
    """Compute both from Parquet files, read once, and write each as one."""
    rows = parquet.read_table(list(files), columns=COLUMNS, read_dictionary=ROUTE)
    flights = rows.to_pandas(date_as_object=False, split_blocks=True, self_destruct=True)
    del rows
    _write(labels_of(flights), labels)
    _write(features_of(flights), features)


def features_of(flights: pd.DataFrame) -> pd.DataFrame:
    """One row for each route and day since its first flight, with what was known when the service day had closed."""
    dense = _every_day(_count(flights))
    by_route = dense.groupby(ROUTE, observed=True, sort=False)
    made = dense[ROUTE].assign(known_at=_utc(dense["date"], 33))
    made["late_rate_today"] = _ratio(dense["late"], dense["landed"])
    made["flights_today"] = dense["scheduled"].astype("float64")
    today = made.groupby(ROUTE, observed=True, sort=False)["late_rate_today"]
    for days in LAGS:
        made[f"late_rate_lag_{days}d"] = today.shift(days)
    counts = ["scheduled", "cancelled", "landed", "late", "delay", "air", "air_squared"]
    for days in WINDOWS:
        total = by_route[counts].rolling(days, min_periods=1).sum().droplevel(ROUTE).reindex(dense.index)
        made[f"late_rate_{days}d"] = _ratio(total["late"], total["landed"])
        made[f"cancelled_rate_{days}d"] = _ratio(total["cancelled"], total["scheduled"])
        made[f"flights_{days}d"] = total["scheduled"]
        made[f"delay_mean_{days}d"] = _ratio(total["delay"], total["landed"])
        made[f"air_time_mean_{days}d"] = _ratio(total["air"], total["landed"])
        spread = np.sqrt(total["landed"] * total["air_squared"] - total["air"] ** 2)
        made[f"air_time_cv_{days}d"] = _ratio(spread, total["air"])
    made["day_of_week"] = (dense["date"] + pd.Timedelta(days=1)).dt.dayofweek.astype("float64") + 1
    return made


def labels_of(flights: pd.DataFrame) -> pd.DataFrame:
    """The late rate and mean delay of each route and day with enough arrivals."""
    arrived = flights.loc[flights["arr_delay"].notna(), [*ROUTE, "date", "arr_delay"]]
    arrived["late_rate"] = (arrived["arr_delay"] > LATE_MINUTES).astype("float64")
    grouped = arrived.groupby([*ROUTE, "date"], observed=True, sort=False)
    measured = {"late_rate": ("late_rate", "mean"), "mean_arr_delay": ("arr_delay", "mean"), "arrivals": ("late_rate", "count")}
    daily = grouped.agg(**measured).reset_index()
    daily = daily[daily["arrivals"] >= MIN_FLIGHTS]
    return daily.assign(label_time=_utc(daily["date"], 9))[[*ROUTE, "label_time", "late_rate", "mean_arr_delay", "arrivals"]]


def _count(flights: pd.DataFrame) -> pd.DataFrame:
    departure = flights["sched_dep_time"] // 100 * 60 + flights["sched_dep_time"] % 100 + flights["dep_delay"]
    landed = (departure + flights["air_time"] + 60 <= 28 * 60) & flights["arr_delay"].notna()
    delay, air = flights["arr_delay"].where(landed, 0), flights["air_time"].where(landed, 0)
    counted = flights[[*ROUTE, "date"]].assign(
        scheduled=1,
        cancelled=(~(departure <= 28 * 60)).astype("int64"),
        landed=landed.astype("int64"),
        late=(delay > LATE_MINUTES).astype("int64"),
        delay=delay.astype("int64"),
        air=air.astype("int64"),
        air_squared=(air * air).astype("int64"),
    )
    return counted.groupby([*ROUTE, "date"], observed=True, sort=False).sum().reset_index()


def _every_day(daily: pd.DataFrame) -> pd.DataFrame:
    """Sorted by route and date, so that windows of rows are windows of days."""
    routes = daily.groupby(ROUTE, observed=True)["date"].min().rename("first_day").reset_index()
    grid = routes.merge(pd.Series(np.sort(daily["date"].unique()), name="date"), how="cross")
    grid = grid.loc[grid["date"] >= grid["first_day"], [*ROUTE, "date"]]
    dense = grid.merge(daily, on=[*ROUTE, "date"], how="left").sort_values([*ROUTE, "date"], ignore_index=True)
    return dense.fillna(dict.fromkeys(daily.columns.difference([*ROUTE, "date"]), 0))


def _ratio(numerator: pd.Series, denominator: pd.Series) -> pd.Series:
    return numerator / denominator.where(denominator > 0)


def _utc(day: pd.Series, hours: int) -> pd.Series:
    return (day.astype("datetime64[us]") + pd.Timedelta(hours=hours)).dt.tz_localize("UTC")


def _write(frame: pd.DataFrame, file: Path) -> None:
    frame.to_parquet(file, compression="zstd", index=False)
