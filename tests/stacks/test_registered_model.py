"""A registered version says until when it knows anything of a label."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from stacks.registered_model import RegisteredModel
from stacks.scoring_model import ScoringModel

LAST_ROW = datetime(2026, 3, 1, tzinfo=UTC)
MODEL = cast("ScoringModel", None)


@pytest.mark.parametrize(
    ("split", "until"),
    [
        ({"kind": "time", "gap_days": 3}, datetime(2026, 3, 4, tzinfo=UTC)),
        ({"kind": "time"}, LAST_ROW),
    ],
)
def test_labels_reach_as_far_ahead_of_the_last_training_row_as_the_split_says(split: dict[str, Any], until: datetime) -> None:
    assert RegisteredModel(MODEL, {"split": split}, {}, LAST_ROW).knows_until == until


def test_version_that_does_not_say_until_when_it_was_trained_knows_no_end() -> None:
    assert RegisteredModel(MODEL, {"split": {"kind": "random"}}, {}, None).knows_until is None
