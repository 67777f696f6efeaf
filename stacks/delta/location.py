"""Where feature tables are: a folder, or a prefix of an S3 bucket. What storage refuses is said here, and no credential with it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from pyarrow import ArrowException
from pyarrow.fs import FileSelector, PyFileSystem

from stackhouse.errors import ConfigurationError, InfrastructureError, MissingTableError
from stacks.home import require_writable

SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")
"""Options that no message may show."""

PATIENCE = {"connect_timeout": "5s", "timeout": "60s", "retry_timeout": "10s"}
"""How long a request may take, and for how long it is tried again; the libraries' own defaults wait for three minutes."""


@dataclass(frozen=True)
class Location:
    """A folder or `s3://bucket/prefix`, with what is needed to open it; options are never shown."""

    path: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether this is a folder of this machine."""
        return "://" not in self.path

    def uri(self, name: str) -> str:
        """Return where a table is.

        Raises:
            ConfigurationError: where the name does not have three levels.
        """
        levels = name.split(".")
        if len(levels) != 3 or not all(re.fullmatch(r"[A-Za-z0-9_]+", level) for level in levels):
            raise ConfigurationError(f"'{name}' is not a table name: give catalog.schema.table of letters, digits and '_'.")
        return str(Path(self.path).joinpath(*levels)) if self.is_local else "/".join((self.path.rstrip("/"), *levels))

    def require_writable(self) -> None:
        """Check a folder before anything is computed for it; of a bucket only a write tells.

        Raises:
            InfrastructureError: where the folder cannot be written to, or the disk is full.
        """
        if self.is_local:
            require_writable(Path(self.path))

    def open(self, name: str) -> DeltaTable:
        """Open the newest version of a table.

        Raises:
            ConfigurationError: where the name does not have three levels.
            InfrastructureError: where storage refuses.
            MissingTableError: where the table does not exist.
        """
        if (found := self.find(name)) is None:
            raise MissingTableError.of_features(name, self.path)
        return found

    def find(self, name: str) -> DeltaTable | None:
        """Open the newest version of a table; None where there is no such table."""
        with self.told(f"Feature table {name} cannot be opened"):
            try:
                return DeltaTable(self.uri(name), storage_options=dict(self.options))
            except TableNotFoundError:
                return None

    def open_version(self, name: str, version: int) -> DeltaTable:
        """Open a version of a table, after checking that all of its files are still there.

        Raises:
            ConfigurationError: where the name does not have three levels.
            InfrastructureError: where the table or the version does not exist, or the version is no longer kept.
        """
        delta = self.open(name)
        newest = delta.version()
        if not 0 <= version <= newest:
            raise InfrastructureError(
                f"Feature table {name} has no version {version}; the newest is {newest}. Give one from 0 to {newest}."
            )
        if version == newest:
            return delta
        try:
            old = DeltaTable(self.uri(name), version=version, storage_options=dict(self.options))
        except DeltaError as error:
            raise self._no_longer_kept(name, version, newest) from error
        if {uri.rpartition("/")[2] for uri in old.file_uris()} - self.files(name):
            raise self._no_longer_kept(name, version, newest)
        return old

    def files(self, name: str) -> set[str]:
        """Return the names of all files of a table, those of its log and of its change feed included.

        Raises:
            InfrastructureError: where storage refuses.
        """
        with self.told(f"The files of {name} cannot be listed"):
            system = PyFileSystem(DeltaStorageHandler(self.uri(name), dict(self.options)))
            return {found.base_name for found in system.get_file_info(FileSelector("", recursive=True))}

    @staticmethod
    def _no_longer_kept(name: str, version: int, newest: int) -> InfrastructureError:
        return InfrastructureError(
            f"Version {version} of feature table {name} is no longer kept: its files were removed when its retention was over. "
            f"Read a later version; the newest is {newest}."
        )

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Say in our words, with the path and without credentials, why storage or Delta refused. A lost race passes as it is.

        Raises:
            InfrastructureError: where the body fails in storage.
        """
        try:
            yield
        except CommitFailedError:
            raise
        except (DeltaError, OSError, ArrowException) as error:
            self._hide_secrets(error)
            raise InfrastructureError(f"{what} in {self.path}: {_reason(str(error))}. Nothing was changed.") from error

    def _hide_secrets(self, error: BaseException) -> None:
        """Take credentials out of an error itself, since logs show the causes of ours as well."""
        text = str(error)
        for secret in (self.options[name] for name in SECRETS if self.options.get(name)):
            text = text.replace(secret, "***")
        if text != str(error):
            error.args = (text,)


def _reason(text: str) -> str:
    """Shorten what a library says: no colours, no backtrace."""
    plain = re.sub(r"\x1b\[[0-9;]*m|↳", "", text)
    lines = [line.strip() for line in plain.splitlines() if not re.match(r"\s+(\d+: |at )", line)]
    return " ".join(line for line in lines if line)[:600].rstrip(".")
