"""Where the trials of a search are kept until it is done: an Optuna study in sqlite, in the project's folder.

A search that was killed goes on from there. One file a model and one study a search in it, named by the model and a digest of all that
the search depends on, so that other rows, other spaces or other code begin anew beside it. On a cluster the folder lies on the local disk
of the task's machine: a task that is started again there finds its trials, one on a new cluster begins anew.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stackhouse.errors import InfrastructureError
from stacks.home import home, require_writable

MODEL, DIGEST = "stackhouse.model", "stackhouse.digest"
"""Attributes of a study: of which model it is, and of which search."""

_SHOWN = 16


@contextmanager
def kept_study(model: str, digest: str) -> Iterator[Any]:
    """Open the study of a search, or create it; nobody else has it until the end.

    Args:
        model: three-level name of the model.
        digest: what tells the search from another, 64 hexadecimal digits.

    Raises:
        InfrastructureError: where the folder or the file cannot be used, another process is searching for this model, or the study
            is of another model or search.
    """
    import optuna
    import sqlalchemy

    folder = home() / "studies"
    require_writable(folder)
    file = folder / f"{model}.db"
    lock = os.open(folder / f".{model}.lock", os.O_CREAT | os.O_RDWR)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InfrastructureError(f"Another process is searching for {model}. Wait for it, or end it; its trials are kept.") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
            study = optuna.create_study(storage=storage, study_name=f"{model}-{digest[:_SHOWN]}", load_if_exists=True)
            if not study.trials and not study.user_attrs:
                study.set_user_attr(MODEL, model)
                study.set_user_attr(DIGEST, digest)
            told = study.user_attrs
        except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
            raise InfrastructureError(
                f"{file} cannot be used as the store of a search: {str(error).splitlines()[0]}. Delete it; the search then begins anew."
            ) from error
        if (told.get(MODEL), told.get(DIGEST)) != (model, digest):
            raise InfrastructureError(
                f"The study '{study.study_name}' in {file} is of another model or search ({told.get(MODEL)}, {told.get(DIGEST)}). "
                "Delete the file, or give the model a name of its own."
            )
        try:
            yield study
        finally:
            storage.remove_session()
            storage.engine.dispose()
    finally:
        os.close(lock)
