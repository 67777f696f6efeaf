"""Aliases under concurrency and kills: none is lost, none ends below the highest version, and what was interrupted is finished."""

from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from stackhouse.alias_move import moves
from stackhouse.errors import RegistryError
from stacks.alias_moves import advance_alias, move_alias
from stacks.registry import Registry

NAME = "dev.flights.delay"


class Killed(BaseException):
    """Stands for SIGKILL: no handler of ours catches it."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db")
    yield MlflowClient()
    mlflow.set_tracking_uri("")


@pytest.fixture
def registry(client: MlflowClient, tmp_path: Path) -> Iterator[Registry]:
    """A registry with three versions and no alias."""
    experiment = client.create_experiment(tmp_path.name, artifact_location=str(tmp_path))
    made = Registry(client)
    for _ in range(3):
        run_id = client.create_run(experiment).info.run_id
        model = client.create_logged_model(experiment, name="delay", source_run_id=run_id)
        client.finalize_logged_model(model.model_id, "READY")
        made.register(NAME, f"models:/{model.model_id}", run_id, "a model", {"git_sha": "abc"})
    yield made
    client.delete_registered_model(NAME)


def advance(registry: Registry, version: str) -> str:
    return advance_alias(registry, NAME, "latest-model", version, by="register_model")


def records(registry: Registry) -> list[tuple[str, bool]]:
    """What is on record of moves, and whether each was completed."""
    found = [move for version in ("1", "2", "3") for move in moves(registry.version(NAME, version).tags).values()]
    return [(move.words, move.moved_at is not None) for move in found]


def between(registry: Registry, monkeypatch: pytest.MonkeyPatch, call: str, other: Callable[[], object]) -> None:
    """Let something happen right before the first call of a method."""
    original, once = getattr(registry, call), [other]

    def interrupted(*arguments: object) -> object:
        if once:
            once.pop()()
        return original(*arguments)

    monkeypatch.setattr(registry, call, interrupted)


def test_a_later_version_takes_the_alias_and_an_earlier_one_does_not_take_it_back(registry: Registry) -> None:
    assert (advance(registry, "1"), advance(registry, "3"), advance(registry, "2")) == ("1", "3", "3")
    assert records(registry) == [("latest-model: none → 1", True), ("latest-model: 1 → 3", True)]


def test_the_slower_of_two_registrations_does_not_put_the_alias_back(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first has looked, and sets the alias after the second is done with all of its own."""
    other = Registry(registry._client)
    between(registry, monkeypatch, "set_alias", lambda: advance(other, "2"))
    assert advance(registry, "1") == "2"
    assert other.aliases(NAME) == {"latest-model": "2"}


def test_a_version_that_was_registered_for_another_alias_does_not_get_this_one(registry: Registry) -> None:
    advance_alias(registry, NAME, "challenger", "3", by="register_model")
    assert advance(registry, "1") == "1"
    assert registry.aliases(NAME) == {"challenger": "3", "latest-model": "1"}


@pytest.mark.parametrize("call", ["set_tag", "set_alias"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_move_that_was_killed_is_finished_by_the_next_call(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, call: str, when: str
) -> None:
    original = getattr(registry, call)

    def killed(*arguments: object) -> None:
        if when == "after":
            original(*arguments)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(registry, call, killed)
        with pytest.raises(Killed):
            advance(registry, "1")
    assert advance(registry, "1") == "1"
    assert records(registry) == [("latest-model: none → 1", True)]


def test_a_version_whose_registration_was_killed_before_its_alias_does_not_stop_the_next(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(registry, "set_alias", killed)
        with pytest.raises(Killed):
            advance(registry, "2")
    assert advance(registry, "1") == "2", "version 2 was registered for the alias, and is the higher one"
    assert advance(registry, "3") == "3"


def test_a_decision_moves_the_alias_from_where_it_saw_it(registry: Registry) -> None:
    move_alias(registry, NAME, "champion", "1", None, by="promote_model")
    move_alias(registry, NAME, "champion", "2", "1", by="promote_model")
    move_alias(registry, NAME, "champion", "2", "1", by="promote_model")
    assert records(registry) == [("champion: none → 1", True), ("champion: 1 → 2", True)]


def test_of_two_decisions_against_the_same_champion_the_second_is_told(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both saw version 1; the other moves the alias between our first look and our move."""
    move_alias(registry, NAME, "champion", "1", None, by="promote_model")
    other = Registry(registry._client)
    between(registry, monkeypatch, "set_tag", lambda: move_alias(other, NAME, "champion", "3", "1", by="promote_model"))
    with pytest.raises(RegistryError, match="points at version 3 and no longer at 1"):
        move_alias(registry, NAME, "champion", "2", "1", by="promote_model")
    assert other.aliases(NAME) == {"champion": "3"}
    assert records(other) == [("champion: none → 1", True), ("champion: 1 → 3", True)]


def test_a_move_that_is_overtaken_in_the_last_moment_is_told(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow has no move under a condition: what happens in the last request is seen after it."""
    set_alias = registry.set_alias

    def overtaken(name: str, alias: str, version: str) -> None:
        set_alias(name, alias, version)
        set_alias(name, alias, "3")

    monkeypatch.setattr(registry, "set_alias", overtaken)
    with pytest.raises(RegistryError, match="points at version 3 and no longer at 2"):
        move_alias(registry, NAME, "champion", "2", None, by="promote_model")
    assert records(registry) == [("champion: none → 2", False)]


def test_a_killed_decision_is_finished_by_the_same_one(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    original = registry.set_alias

    def killed(*arguments: str) -> None:
        original(*arguments)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(registry, "set_alias", killed)
        with pytest.raises(Killed):
            move_alias(registry, NAME, "champion", "1", None, by="promote_model")
    assert records(registry) == [("champion: none → 1", False)]
    move_alias(registry, NAME, "champion", "1", None, by="promote_model")
    assert records(registry) == [("champion: none → 1", True)]
