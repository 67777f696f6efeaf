"""(c) The route_day definition (Narwhals) against the same written directly in Polars, on the 336,776 flights."""

from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from benchmarks import route_day_polars
from benchmarks.timing import alternating, medians

REPETITIONS = 15


def compare() -> None:
    """Check that both give equal values, measure both, and print them.

    Raises:
        AssertionError: where a value differs by more than 1e-12.
    """
    from stackhouse.features import RouteDay
    from stackhouse.sources import FlightsSource
    from stackhouse.table import Table
    from stacks.sources import read_source

    definition = RouteDay()
    flights: pl.DataFrame = read_source(FlightsSource(), ["flights"])["flights"].collect().to_native()
    source = Table.of(flights)
    pairs = {
        "features": (
            lambda: definition.features({"flights": source}).collect().to_native(),
            lambda: route_day_polars.features(flights.lazy()).collect(),
        ),
        "labels": (
            lambda: definition.labels({"flights": source}).collect().to_native(),
            lambda: route_day_polars.labels(flights.lazy()).collect(),
        ),
    }
    print(f"\n(c) features: route_day on {len(flights):,} flights, best and median of {REPETITIONS} alternating; equal to 1e-12 (checked)")
    print(f"    {'':<44}{'Narwhals':>12}{'Polars':>12}{'ratio':>9}")
    for name, (ours, direct) in pairs.items():
        _require_equal(ours(), direct())
        times = alternating(REPETITIONS, ours=ours, direct=direct)
        best, middle = {side: min(values) for side, values in times.items()}, medians(times)
        aim = "   aim: 1.1× or less" if name == "features" else ""
        print(f"    {f'{name}, best, s':<44}{best['ours']:>12.4f}{best['direct']:>12.4f}{best['ours'] / best['direct']:>8.2f}×{aim}")
        print(f"    {f'{name}, median, s':<44}{middle['ours']:>12.4f}{middle['direct']:>12.4f}{middle['ours'] / middle['direct']:>8.2f}×")


def _require_equal(ours: Any, direct: Any) -> None:
    keys = [*route_day_polars.ROUTE, "known_at" if "known_at" in ours.columns else "label_time"]
    assert_frame_equal(ours.sort(keys), direct.sort(keys), rel_tol=0, abs_tol=1e-12)
