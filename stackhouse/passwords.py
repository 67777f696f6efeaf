"""Passwords: what a user wrote for a source holds none, and no message repeats one."""

import re
from collections.abc import Iterator, Mapping

from stackhouse.errors import ConfigurationError

_SECRET_KEY = re.compile(r"pass|pwd|secret|token|credential", re.IGNORECASE)
_URI_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s@]*:[^\s@]+@", re.IGNORECASE)
_USER_OF_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://)[^/\s'\"]*@", re.IGNORECASE)
_PASSWORD_SETTING = re.compile(r"(pass\w*|pwd|secret\w*|token|\bsig)\s*=\s*\S", re.IGNORECASE)
_PASSWORD_IN_QUERY = re.compile(r"password=[^\s']", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


def require_no_password(value: object) -> None:
    """Check that what a user wrote for a source holds no password. The error never repeats what was written.

    It is raised past pydantic, whose errors carry the input that they are about.

    Raises:
        ConfigurationError: where a key, a URI or a setting gives a password.
    """
    if isinstance(value, (list, tuple)):
        for one in value:
            require_no_password(one)
    if not isinstance(value, Mapping):
        return
    for key, given in value.items():
        if key == "password_variable":
            if given is not None and not (isinstance(given, str) and _VARIABLE.fullmatch(given)):
                raise ConfigurationError(
                    "source.password_variable does not name an environment variable: capital letters, digits and '_', "
                    "e.g. WAREHOUSE_PASSWORD."
                )
        elif _SECRET_KEY.search(str(key)) or any(_gives_password(str(key), text) for text in _texts(given)):
            raise ConfigurationError(
                f"source.{key} gives a password, which does not belong in a model file. Remove it there and set the environment variable "
                "PGPASSWORD, or name another variable under source.password_variable; nothing was run."
            )


def without_passwords(text: str) -> str:
    """Return a text, such as an error of a library, without the user and password of addresses in it.

    >>> without_passwords("no answer from https://ann:secret@tracking.example:5000/api")
    'no answer from https://tracking.example:5000/api'
    """
    return _USER_OF_ADDRESS.sub(r"\1", text)


def _gives_password(key: str, text: str) -> bool:
    setting = _PASSWORD_IN_QUERY if key == "query" else _PASSWORD_SETTING
    return bool(_URI_WITH_PASSWORD.search(text) or setting.search(text))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)
