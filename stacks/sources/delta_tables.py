"""Delta tables: of a folder or URI through delta-rs, or of the active stack's feature store."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from stackhouse.errors import InfrastructureError
from stackhouse.sources import DeltaSource, assign
from stackhouse.table import Roles, Table
from stacks.engines import engine


def read_delta_tables(source: DeltaSource, inputs: Sequence[str]) -> dict[str, Table]:
    """Open Delta tables lazily, at a version or at the latest one.

    The roles that a table has in the feature store are the store's; what a source's columns are for, the definition says.

    Raises:
        InfrastructureError: where there is no such table, version or feature store, or files of the version were vacuumed.
    """
    if source.path is not None:
        return {name: _open(path, source.version) for name, path in assign("path", source.path, inputs).items()}
    from stacks.feature_store import active_feature_store

    store, tables = active_feature_store(), assign("table", source.table or "", inputs)
    return {name: Table(store.read_table(table, source.version).frame, Roles(), table) for name, table in tables.items()}


def _open(path: str, version: int | None) -> Table:
    place = path if "://" in path else str(Path(path).expanduser().absolute())
    wanted = place if version is None else f"version {version} of {place}"
    try:
        delta = DeltaTable(place, version=version)
    except TableNotFoundError as error:
        raise InfrastructureError(
            f"No Delta table is at {place}. Give the folder that holds _delta_log; a relative path starts at the working directory."
        ) from error
    except (DeltaError, OSError) as error:
        raise InfrastructureError(f"Cannot open {wanted}: {error}. Give a version that the table has, or leave it out.") from error
    _require_files(delta.file_uris(), wanted)
    return Table(engine("polars").scan_delta(delta), Roles(), place)


def _require_files(files: list[str], wanted: str) -> None:
    """Check that the local files of a version are there. Source: the names that delta-rs gives are quoted as in a URI."""
    gone = [file for file in files if "://" not in file and not Path(unquote(file)).exists()]
    if gone:
        raise InfrastructureError(
            f"{len(gone)} of the {len(files)} files of {wanted} are gone, e.g. {Path(gone[0]).name}: the version was vacuumed. "
            "Give a later one."
        )
