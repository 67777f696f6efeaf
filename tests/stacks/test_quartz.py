"""Cron with five fields in Quartz: what is translated, what is taken as it is, and what is refused."""

import pytest

from stackhouse.errors import ConfigurationError
from stacks.databricks.quartz import to_quartz


@pytest.mark.parametrize(
    ("cron", "quartz"),
    [
        ("0 2 * * 0", "0 0 2 ? * SUN"),
        ("0 2 * * 7", "0 0 2 ? * SUN"),
        ("30 6 * * *", "0 30 6 * * ?"),
        ("*/15 * * * *", "0 0/15 * * * ?"),
        ("5/20 * * * *", "0 5-59/20 * * * ?"),
        ("0 8-18/2 * * mon-fri", "0 0 8-18/2 ? * MON,TUE,WED,THU,FRI"),
        ("0 0 1,15 jan,7 *", "0 0 0 1,15 1,7 ?"),
        ("0 0 * * 5-7", "0 0 0 ? * SUN,FRI,SAT"),
        ("0 0 * * */2", "0 0 0 ? * SUN,TUE,THU,SAT"),
        ("0 0 * * 1/2", "0 0 0 ? * MON,WED,FRI"),
        ("59 23 31 12 *", "0 59 23 31 12 ?"),
        ("0 0 */10 * *", "0 0 0 1/10 * ?"),
    ],
)
def test_five_fields_are_translated(cron: str, quartz: str) -> None:
    assert to_quartz(cron) == quartz


@pytest.mark.parametrize("quartz", ["0 0 2 ? * SUN", "0 15 10 L * ?", "0 15 10 ? * 6#3 2026", "0 0 12 1W * ?"])
def test_quartz_is_taken_as_it_is(quartz: str) -> None:
    assert to_quartz(quartz) == quartz


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("0 0 1 * 1", "cron fires on that day of the month or that day of the week; Quartz cannot say so. Write two schedules"),
        ("60 * * * *", "'60' is no minute (0 to 59)"),
        ("* 24 * * *", "'24' is no hour (0 to 23)"),
        ("* * 0 * *", "'0' is no day of the month (1 to 31)"),
        ("* * * 13 *", "'13' is no month (1 to 12)"),
        ("* * * * 8", "'8' is no day of the week (0 to 7)"),
        ("* * * * funday", "'funday' is no day of the week (0 to 7)"),
        ("10-5 * * * *", "the minute '10-5' runs backwards"),
        ("*/0 * * * *", "the step of '*/0' is no minute"),
        ("*/60 * * * *", "the step of '*/60' is no minute"),
        ("*-5 * * * *", "'*-5' is no minute"),
        ("1, * * * *", "'' is no minute"),
        ("@daily", "it has 1 fields; cron has five, Quartz six or seven"),
        ("", "it has 0 fields; cron has five, Quartz six or seven"),
        ("0 0 0 * * *", "Quartz wants a '?' in one of its two day fields, the fourth or the sixth"),
        ("0 0 0 ? * ?", "Quartz wants a '?' in one of its two day fields, the fourth or the sixth"),
        ("0 0 0 ? * $(x)", "'$(x)' is no field of Quartz"),
        ("١ * * * *", "'١' is no minute (0 to 59)"),
    ],
)
def test_what_cannot_be_said_in_quartz_is_refused(cron: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        to_quartz(cron)
    assert str(refused.value) == f"The schedule '{cron}' cannot be used: {reason}."
