"""The route-day definition against the same features written directly in Polars, on real flights."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks import route_day_polars
from stackhouse.features import RouteDay
from stackhouse.sources import FlightsSource
from stackhouse.table import Table
from stacks.sources import read_source

ROUTE = ["origin", "dest"]


@pytest.fixture(scope="module")
def flights() -> pl.DataFrame:
    """The flights of January and February 2013."""
    return read_source(FlightsSource(days=59), ["flights"])["flights"].collect().to_native()


def test_features_equal_those_written_by_hand(flights: pl.DataFrame) -> None:
    ours = RouteDay().features({"flights": Table.of(flights)}).collect().to_native()
    by_hand = route_day_polars.features(flights.lazy()).collect()
    key = [*ROUTE, "known_at"]
    assert_frame_equal(ours.sort(key), by_hand.sort(key), rel_tol=0, abs_tol=1e-12)


def test_labels_equal_those_written_by_hand(flights: pl.DataFrame) -> None:
    ours = RouteDay().labels({"flights": Table.of(flights)}).collect().to_native()
    by_hand = route_day_polars.labels(flights.lazy()).collect()
    key = [*ROUTE, "label_time"]
    assert_frame_equal(ours.sort(key), by_hand.sort(key), rel_tol=0, abs_tol=1e-12)
