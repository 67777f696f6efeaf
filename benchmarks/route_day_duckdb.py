"""The features and labels of `stackhouse/features/route_day.py`, written directly in SQL for DuckDB with the same parameters."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

FEATURES = """
WITH flights AS (
    SELECT origin, dest, date, arr_delay, air_time, sched_dep_time // 100 * 60 + sched_dep_time % 100 + dep_delay AS departure
    FROM read_parquet($files)
), known AS (
    SELECT *, coalesce(departure <= 1680, false) AS departed,
        coalesce(departure + air_time + 60 <= 1680, false) AND arr_delay IS NOT NULL AS arrived
    FROM flights
), daily AS (
    SELECT origin, dest, date,
        count(*)::DOUBLE AS scheduled,
        count(*) FILTER (NOT departed)::DOUBLE AS cancelled,
        count(*) FILTER (arrived)::DOUBLE AS landed,
        count(*) FILTER (arrived AND arr_delay > 15)::DOUBLE AS late,
        coalesce(sum(arr_delay) FILTER (arrived), 0)::DOUBLE AS delay,
        coalesce(sum(air_time) FILTER (arrived), 0)::DOUBLE AS air,
        coalesce(sum(air_time * air_time) FILTER (arrived), 0)::DOUBLE AS squared
    FROM known GROUP BY ALL
), grid AS (
    SELECT origin, dest, days.date
    FROM (SELECT origin, dest, min(date) AS first_day FROM daily GROUP BY ALL), (SELECT DISTINCT date FROM daily) AS days
    WHERE days.date >= first_day
), dense AS (
    SELECT origin, dest, date, coalesce(scheduled, 0) AS scheduled, coalesce(cancelled, 0) AS cancelled, coalesce(landed, 0) AS landed,
        coalesce(late, 0) AS late, coalesce(delay, 0) AS delay, coalesce(air, 0) AS air, coalesce(squared, 0) AS squared
    FROM grid LEFT JOIN daily USING (origin, dest, date)
), summed AS (
    SELECT origin, dest, date, scheduled, late / nullif(landed, 0) AS late_rate_today,
        lag(late_rate_today, 1) OVER route AS late_rate_lag_1d, lag(late_rate_today, 6) OVER route AS late_rate_lag_6d,
        sum(late) OVER week AS late_7, sum(cancelled) OVER week AS cancelled_7, sum(scheduled) OVER week AS scheduled_7,
        sum(landed) OVER week AS landed_7, sum(delay) OVER week AS delay_7, sum(air) OVER week AS air_7,
        sum(squared) OVER week AS squared_7,
        sum(late) OVER month AS late_30, sum(cancelled) OVER month AS cancelled_30, sum(scheduled) OVER month AS scheduled_30,
        sum(landed) OVER month AS landed_30, sum(delay) OVER month AS delay_30, sum(air) OVER month AS air_30,
        sum(squared) OVER month AS squared_30
    FROM dense
    WINDOW route AS (PARTITION BY origin, dest ORDER BY date),
        week AS (PARTITION BY origin, dest ORDER BY date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW),
        month AS (PARTITION BY origin, dest ORDER BY date ROWS BETWEEN 29 PRECEDING AND CURRENT ROW)
)
SELECT origin, dest, (date + INTERVAL 33 HOUR)::TIMESTAMPTZ AS known_at,
    late_rate_today, scheduled AS flights_today, late_rate_lag_1d, late_rate_lag_6d,
    late_7 / nullif(landed_7, 0) AS late_rate_7d, cancelled_7 / nullif(scheduled_7, 0) AS cancelled_rate_7d, scheduled_7 AS flights_7d,
    delay_7 / nullif(landed_7, 0) AS delay_mean_7d, air_7 / nullif(landed_7, 0) AS air_time_mean_7d,
    sqrt(landed_7 * squared_7 - air_7 * air_7) / nullif(air_7, 0) AS air_time_cv_7d,
    late_30 / nullif(landed_30, 0) AS late_rate_30d, cancelled_30 / nullif(scheduled_30, 0) AS cancelled_rate_30d,
    scheduled_30 AS flights_30d, delay_30 / nullif(landed_30, 0) AS delay_mean_30d, air_30 / nullif(landed_30, 0) AS air_time_mean_30d,
    sqrt(landed_30 * squared_30 - air_30 * air_30) / nullif(air_30, 0) AS air_time_cv_30d,
    isodow(date + INTERVAL 1 DAY)::DOUBLE AS day_of_week
FROM summed
"""

LABELS = """
SELECT origin, dest, (date + INTERVAL 9 HOUR)::TIMESTAMPTZ AS label_time, avg((arr_delay > 15)::DOUBLE) AS late_rate,
    avg(arr_delay) AS mean_arr_delay, count(*) AS arrivals
FROM read_parquet($files)
WHERE arr_delay IS NOT NULL
GROUP BY origin, dest, date
HAVING arrivals >= 6
"""


def write(files: Sequence[str], features: Path, labels: Path) -> None:
    """Compute both from Parquet files and write each as one."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    for query, file in ((FEATURES, features), (LABELS, labels)):
        connection.sql(query, params={"files": list(files)}).write_parquet(str(file), compression="zstd")
