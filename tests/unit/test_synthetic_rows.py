"""Made rows: equal seeds give equal rows, shares are what they are said to be, and the target can be learned."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score

from stackhouse.synthetic.rows import RowsParameters, generate_rows


def unusable(column: pl.Series) -> dict[str, int]:
    values = column.drop_nulls()
    return {
        "nan": int(values.is_nan().sum()),
        "inf": int((values == np.inf).sum()),
        "-inf": int((values == -np.inf).sum()),
        "null": column.null_count(),
    }


def test_rows_have_the_schema_that_is_promised() -> None:
    rows = generate_rows(RowsParameters(rows=250, features=2))
    assert rows.shape == (250, 5)
    assert dict(rows.schema) == {
        "entity_id": pl.String,
        "event_time": pl.Datetime("us", "UTC"),
        "feature_1": pl.Float64,
        "feature_2": pl.Float64,
        "target": pl.Int64,
    }
    assert rows.select("entity_id", "event_time").is_unique().all()
    assert rows["entity_id"].unique().sort().to_list() == ["00000000", "00000001"]
    assert str(rows["event_time"].min()) == "2024-01-01 00:00:00+00:00"
    assert str(rows["event_time"].max()) == "2024-01-06 04:00:00+00:00"


def test_equal_seeds_give_equal_rows_and_others_do_not() -> None:
    assert_frame_equal(generate_rows(RowsParameters(rows=500, seed=3)), generate_rows(RowsParameters(rows=500, seed=3)), check_exact=True)
    assert not generate_rows(RowsParameters(rows=500, seed=3)).equals(generate_rows(RowsParameters(rows=500, seed=4)))


@pytest.mark.parametrize(("share", "positives"), [(0.3, 300), (0.5, 500), (0.0001, 1), (0.9999, 999)])
def test_just_the_given_share_is_positive_and_both_classes_are_there(share: float, positives: int) -> None:
    assert generate_rows(RowsParameters(rows=1000, positive_share=share))["target"].sum() == positives


def test_unusable_values_are_of_four_kinds_in_every_feature() -> None:
    rows = generate_rows(RowsParameters(rows=1000, features=3, unusable_fraction=0.04))
    assert [unusable(rows[f"feature_{place}"]) for place in (1, 2, 3)] == [{"nan": 10, "inf": 10, "-inf": 10, "null": 10}] * 3


def test_no_value_is_unusable_where_none_is_asked_for() -> None:
    rows = generate_rows(RowsParameters(rows=1000, unusable_fraction=0))
    assert rows.select(pl.col("^feature_.*$").is_finite().all()).row(0) == (True,) * 5


def test_the_target_depends_on_the_features_the_first_most() -> None:
    rows = generate_rows(RowsParameters(rows=5000, features=3, unusable_fraction=0))
    areas = [float(roc_auc_score(rows["target"], rows[f"feature_{place}"])) for place in (1, 2, 3)]
    assert areas == sorted(areas, reverse=True)
    assert 0.75 < areas[0] < 0.95
    assert areas[2] > 0.55


@pytest.mark.parametrize(
    "changed", [{"rows": 9}, {"features": 0}, {"positive_share": 0}, {"unusable_fraction": 0.6}, {"seed": -1}, {"row": 1}]
)
def test_parameters_out_of_range_are_refused(changed: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(changed))):
        RowsParameters.model_validate(changed)
