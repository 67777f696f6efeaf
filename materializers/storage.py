"""Folders of an artifact on any artifact store: written locally, copied where the store is elsewhere."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zenml.artifact_stores import BaseArtifactStore


@contextmanager
def written_folder(store: BaseArtifactStore, uri: str) -> Iterator[Path]:
    """Give a local folder to write to; what it holds at the end is at `uri`."""
    store.makedirs(uri)
    if store.config.is_local:
        yield Path(uri)
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)
        for file in sorted(path for path in Path(temporary).rglob("*") if path.is_file()):
            target = f"{uri}/{file.relative_to(temporary).as_posix()}"
            store.makedirs(target.rpartition("/")[0])
            with file.open("rb") as source, store.open(target, "wb") as destination:
                while chunk := source.read(1 << 20):
                    destination.write(chunk)


def local_folder(store: BaseArtifactStore, uri: str, temporary: Path) -> Path:
    """Return a local folder with the files at `uri`: the folder itself where the store is local, else a copy in `temporary`."""
    if store.config.is_local:
        return Path(uri)
    for folder, _, names in store.walk(uri):
        inside = str(folder).removeprefix(uri).strip("/")
        (temporary / inside).mkdir(parents=True, exist_ok=True)
        for name in names:
            with store.open(f"{folder!s}/{name!s}", "rb") as source, (temporary / inside / str(name)).open("wb") as destination:
                while chunk := source.read(1 << 20):
                    destination.write(chunk)
    return temporary


def write_text(store: BaseArtifactStore, path: str, text: str) -> str:
    """Write a text file and return its path."""
    with store.open(path, "w") as file:
        file.write(text)
    return path


def read_text(store: BaseArtifactStore, path: str) -> str:
    """Read a text file."""
    with store.open(path, "r") as file:
        return str(file.read())
