"""How aliases of registered models move: each move on record, none lost, and what was interrupted is finished by the next.

MLflow sets an alias whatever it points at. So a move is written down before, and looked at after it:

- `advance_alias` is for registrations. Each writes its record first and ends by looking at those of later versions, so whoever is last to
  set the alias sees every record that was there before, and leaves it at the highest version that was registered for it.
- `move_alias` is for decisions about one version against another. It moves only what still points where the decision saw it. Between the
  last look and the move lies one request; what another process does in it is told afterwards, not prevented.
"""

from datetime import UTC, datetime

from mlflow.entities.model_registry import ModelVersion

from stackhouse.alias_move import AliasMove, moves_of, next_tag, unfinished
from stackhouse.errors import RegistryError
from stackhouse.spec.sections import require_alias
from stacks.registry import Registry


def advance_alias(registry: Registry, name: str, alias: str, version: str, by: str) -> str:
    """Point an alias at a version that was just registered for it, unless a later one has it; return the version it points at then.

    May be called again after a kill, and at the same time by others.

    Raises:
        ConfigurationError: where MLflow reserves the alias or refuses its characters.
        InfrastructureError: where the registry does not answer.
        RegistryError: where it refuses.
    """
    require_alias(alias)
    current = version_of(registry, name, alias)
    if current is None or int(current) < int(version):
        _write_down(registry, name, alias, version, current, by)
    while True:
        wanted = _highest_asked(registry, name, alias, version)
        current = version_of(registry, name, alias)
        if current is not None and int(current) >= int(wanted):
            _complete(registry, name, alias, current)
            return current
        registry.set_alias(name, alias, wanted)


def move_alias(registry: Registry, name: str, alias: str, version: str, expected: str | None, by: str) -> None:
    """Point an alias at a version, if it still points at the expected one; `expected` is None where there was no such alias.

    An alias that points at the version already is in order.

    Raises:
        ConfigurationError: where MLflow reserves the alias or refuses its characters.
        InfrastructureError: where the registry does not answer.
        RegistryError: where it refuses, or the alias was moved by another meanwhile; it is left where the other has put it.
    """
    require_alias(alias)
    if _still_to_move(registry, name, alias, version, expected):
        tag = _write_down(registry, name, alias, version, expected, by)
        try:
            still = _still_to_move(registry, name, alias, version, expected)
        except RegistryError:
            registry.delete_tag(name, version, tag)
            raise
        if still:
            registry.set_alias(name, alias, version)
            _still_to_move(registry, name, alias, version, version)
    _complete(registry, name, alias, version)


def version_of(registry: Registry, name: str, alias: str) -> str | None:
    """Return the number of the version that an alias points at; None where the model or the alias does not exist.

    Raises:
        InfrastructureError: where the registry does not answer.
        RegistryError: where it refuses.
    """
    found = registry.version_by_alias(name, alias)
    return None if found is None else str(found.version)


def _still_to_move(registry: Registry, name: str, alias: str, version: str, expected: str | None) -> bool:
    """Whether the alias is still where it was expected, and not at the version yet."""
    current = version_of(registry, name, alias)
    if current not in {expected, version}:
        raise RegistryError(
            f"Alias '{alias}' of {name} points at version {current or 'none'} and no longer at {expected or 'none'}: another process has "
            f"moved it meanwhile. It was left there; judge version {version} anew against what it points at now."
        )
    return current != version


def _highest_asked(registry: Registry, name: str, alias: str, version: str) -> str:
    """The highest version that the alias was asked for, this one at least. Versions are asked one by one: a search tells no tags."""
    later = sorted((found for found in registry.versions(name) if found > int(version)), reverse=True)
    for number in later:
        found = registry.find_version(name, str(number))
        if found is not None and moves_of(found.tags, alias):
            return str(number)
    return version


def _write_down(registry: Registry, name: str, alias: str, version: str, current: str | None, by: str) -> str:
    """Write the record of a move that is about to be made, or find the one of the same move that was interrupted; return its tag."""
    found = registry.version(name, version)
    begun = unfinished(found.tags, alias)
    if begun and begun[1].from_version == current:
        return begun[0]
    tag = begun[0] if begun else next_tag(found.tags, alias)
    registry.set_tag(name, version, tag, _record(found, alias, current, by).model_dump_json())
    return tag


def _record(found: ModelVersion, alias: str, current: str | None, by: str) -> AliasMove:
    return AliasMove(
        alias=alias,
        from_version=current,
        to_version=str(found.version),
        by=by,
        run_id=found.run_id or None,
        git_sha=found.tags.get("git_sha", "unknown"),
        asked_at=datetime.now(UTC),
    )


def _complete(registry: Registry, name: str, alias: str, version: str) -> None:
    """Say on the record of the version that the alias has come there."""
    begun = unfinished(registry.version(name, version).tags, alias)
    if begun:
        tag, move = begun
        registry.set_tag(name, version, tag, move.model_copy(update={"moved_at": datetime.now(UTC)}).model_dump_json())
