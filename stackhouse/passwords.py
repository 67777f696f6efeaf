"""Passwords and other credentials: which names tell one, which texts hold one, and that a source in a model file gives none.

What a user wrote for a source is refused before anything else reads it, and never repeated.
"""

import re
from collections.abc import Iterator, Mapping

from stackhouse.errors import ConfigurationError

_SECRET_NAME = re.compile(r"pass|pwd|secret(?!_?scope)|token|credential|(api|access|account|private)_?key|[_.-]key$", re.IGNORECASE)
_NO_SECRET = re.compile(r"(primary|foreign|lookup|partition|sort|public|cache|stackhouse)_key", re.IGNORECASE)
"""Whole names of keys that are none: of rows, of a table's files, of a job."""

_URI_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s@]*:[^\s@]+@", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)(?![^/\s@]*:\d+/)[^/\s'\"@]*(:[^\s'\"@]*)?@")
"""Up to the `@`, unless a host and a port come first."""

_PASSWORD_SETTING = re.compile(r"(pass\w*|pwd|secret\w*|token|(account|access)_?key|\bsig)\s*=\s*\S", re.IGNORECASE)
_PASSWORD_IN_QUERY = re.compile(r"password=[^\s']", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


def names_secret(name: str) -> bool:
    """Say whether a variable or a setting of this name is a secret, whatever it holds; capitals do not matter.

    >>> [name for name in ("DB_PASS", "SMTP_PWD", "AZURE_STORAGE_KEY", "PRIMARY_KEY", "secret_scope", "MONKEY") if names_secret(name)]
    ['DB_PASS', 'SMTP_PWD', 'AZURE_STORAGE_KEY']
    """
    return bool(_SECRET_NAME.search(name)) and not _NO_SECRET.fullmatch(name)


def gives_password(text: str) -> bool:
    """Say whether a text holds a password: in the user part of a URI, or as a setting such as `password=…`.

    >>> [gives_password(text) for text in ("postgresql://u:p@host/d", "Server=host;Pwd=p", "https://host:8080/d")]
    [True, True, False]
    """
    return bool(_URI_WITH_PASSWORD.search(text) or _PASSWORD_SETTING.search(text))


def without_userinfo(text: str) -> str:
    """Return a text with its URIs without user and password.

    >>> without_userinfo("http://me:secret@host:5000/path")
    'http://host:5000/path'
    """
    return _USERINFO.sub("", text)


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
        elif names_secret(str(key)) or any(_gives_password(str(key), text) for text in _texts(given)):
            raise ConfigurationError(
                f"source.{key} gives a password, which does not belong in a model file. Remove it there and set the environment variable "
                "PGPASSWORD, or name another variable under source.password_variable; nothing was run."
            )


def _gives_password(key: str, text: str) -> bool:
    if key == "query":
        return bool(_URI_WITH_PASSWORD.search(text) or _PASSWORD_IN_QUERY.search(text))
    return gives_password(text)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)
