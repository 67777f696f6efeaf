"""Records of moved aliases among the tags of a version."""

from datetime import UTC, datetime

from stackhouse.alias_move import AliasMove, is_move, moves, moves_of, next_tag, unfinished

NOON, ONE = datetime(2026, 11, 21, 12, tzinfo=UTC), datetime(2026, 11, 21, 13, tzinfo=UTC)


def record(alias: str, start: str | None, end: str, at: datetime, moved: datetime | None = None) -> str:
    made = AliasMove(alias=alias, from_version=start, to_version=end, by="promote_model", asked_at=at, moved_at=moved)
    return made.model_dump_json()


TAGS = {
    "git_sha": "abc",
    "alias_move_champion_1": record("champion", None, "2", NOON, NOON),
    "alias_move_champion_2": record("champion", "3", "2", ONE),
    "alias_move_latest_model_1": record("latest-model", "1", "2", NOON, NOON),
}


def test_records_come_back_in_the_order_in_which_they_were_asked_for() -> None:
    assert [move.words for move in moves(TAGS).values()] == ["champion: none → 2", "latest-model: 1 → 2", "champion: 3 → 2"]
    assert [*moves_of(TAGS, "latest-model")] == ["alias_move_latest_model_1"]


def test_the_one_that_was_not_completed_is_found() -> None:
    assert unfinished(TAGS, "champion") == ("alias_move_champion_2", moves(TAGS)["alias_move_champion_2"])
    assert unfinished(TAGS, "latest-model") is None


def test_what_somebody_else_wrote_under_such_a_tag_is_no_record() -> None:
    assert moves({"alias_move_champion_1": "yes"}) == {}
    assert next_tag({"alias_move_champion_1": "yes"}, "champion") == "alias_move_champion_2"


def test_a_record_fits_into_a_tag_of_unity_catalog() -> None:
    made = AliasMove(
        alias="a" * 255, from_version="1000", to_version="1001", by="register_model", run_id="0" * 32, git_sha="a" * 255, asked_at=NOON
    )
    key = next_tag({}, "latest-model")
    assert not set(key) & set(".,-=/:")
    assert is_move(key)
    assert len(made.model_copy(update={"moved_at": ONE}).model_dump_json()) < 1000
