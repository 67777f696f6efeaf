"""Secret scopes and secrets (`/api/2.0/secrets/…`), and the references to them.

Simplified: scopes are kept by the workspace itself, not by Azure Key Vault, and have no access lists: the one user may read all.

Source: https://docs.databricks.com/api/workspace/secrets
"""

import base64
import binascii
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body

from rehearsal.emulator.errors import ApiError

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

Json = Annotated[dict[str, Any], Body()]
"""A body as it came. It is not left to the framework to check, since its messages would repeat a secret."""

REFERENCE = re.compile(r"\{\{\s*secrets/([^/{}\s]+)/([^/{}\s]+)\s*\}\}")
NAME = re.compile(r"[\w.-]{1,128}", re.ASCII)
VALUE_BYTES = 128 * 1024


@dataclass(frozen=True)
class Secret:
    """A value and when it was put."""

    value: bytes = field(repr=False)
    put_milliseconds: int


@dataclass
class Secrets:
    """Scopes with their secrets; values leave only to who asks for one by name, and to a cluster."""

    scopes: dict[str, dict[str, Secret]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def create_scope(self, scope: str) -> None:
        """Add an empty scope.

        Raises:
            ApiError: where its name is not valid or taken.
        """
        _require_name("Scope", scope)
        with self._lock:
            if scope in self.scopes:
                raise ApiError.exists(f"Scope {scope}")
            self.scopes[scope] = {}

    def put(self, scope: str, key: str, value: bytes, now_milliseconds: int) -> None:
        """Keep a value, in place of an earlier one.

        Raises:
            ApiError: where there is no such scope, the key is not valid or the value too large.
        """
        _require_name("Key", key)
        if len(value) > VALUE_BYTES:
            raise ApiError.invalid(f"The value of secret {scope}/{key} is larger than {VALUE_BYTES} bytes.")
        with self._lock:
            self._scope(scope)[key] = Secret(value, now_milliseconds)

    def get(self, scope: str, key: str) -> bytes:
        """Return a value.

        Raises:
            ApiError: where there is no such scope or key.
        """
        with self._lock:
            return self._secret(scope, key).value

    def delete(self, scope: str, key: str | None = None) -> None:
        """Delete a secret, or a scope with all of its own.

        Raises:
            ApiError: where there is no such scope or key.
        """
        with self._lock:
            if key is None:
                self._scope(scope)
                del self.scopes[scope]
            else:
                self._secret(scope, key)
                del self.scopes[scope][key]

    def list(self, scope: str) -> dict[str, Secret]:
        """Return the secrets of a scope by key.

        Raises:
            ApiError: where there is no such scope.
        """
        with self._lock:
            return dict(sorted(self._scope(scope).items()))

    def resolve(self, text: str) -> str:
        """Replace `{{secrets/scope/key}}` by its value, as a cluster does in its variables.

        Raises:
            ApiError: where there is no such scope or key.
        """
        return REFERENCE.sub(lambda found: self._text(found[1], found[2]), text)

    def values(self, text: str) -> Iterator[str]:
        """Yield the values of all references in a text, to know what no log may show.

        Raises:
            ApiError: where there is no such scope or key.
        """
        for found in REFERENCE.finditer(text):
            yield self._text(found[1], found[2])

    def _text(self, scope: str, key: str) -> str:
        return self.get(scope, key).decode(errors="replace")

    def _scope(self, scope: str) -> dict[str, Secret]:
        if scope not in self.scopes:
            raise ApiError.missing(f"Secret scope {scope}")
        return self.scopes[scope]

    def _secret(self, scope: str, key: str) -> Secret:
        secrets = self._scope(scope)
        if key not in secrets:
            raise ApiError.missing(f"Secret with scope: {scope} and key: {key}")
        return secrets[key]


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    routes = APIRouter(prefix="/api/2.0/secrets")
    secrets = workspace.secrets

    @routes.post("/scopes/create")
    def create_scope(body: Json) -> dict[str, Any]:
        if body.get("scope_backend_type", "DATABRICKS") != "DATABRICKS":
            raise ApiError.invalid("The emulator keeps secrets itself; a scope backed by a key vault cannot be made.")
        secrets.create_scope(_word(body, "scope"))
        return {}

    @routes.post("/scopes/delete")
    def delete_scope(body: Json) -> dict[str, Any]:
        secrets.delete(_word(body, "scope"))
        return {}

    @routes.get("/scopes/list")
    def list_scopes() -> dict[str, Any]:
        return {"scopes": [{"name": name, "backend_type": "DATABRICKS"} for name in sorted(secrets.scopes)]}

    @routes.post("/put")
    def put_secret(body: Json) -> dict[str, Any]:
        secrets.put(_word(body, "scope"), _word(body, "key"), _value(body), workspace.clock.milliseconds())
        return {}

    @routes.get("/get")
    def get_secret(scope: str, key: str) -> dict[str, Any]:
        return {"key": key, "value": base64.b64encode(secrets.get(scope, key)).decode()}

    @routes.get("/list")
    def list_secrets(scope: str) -> dict[str, Any]:
        found = secrets.list(scope)
        return {"secrets": [{"key": key, "last_updated_timestamp": secret.put_milliseconds} for key, secret in found.items()]}

    @routes.post("/delete")
    def delete_secret(body: Json) -> dict[str, Any]:
        secrets.delete(_word(body, "scope"), _word(body, "key"))
        return {}

    return routes


def _require_name(what: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise ApiError.invalid(f"{what} name {name!r} must be 1 to 128 letters, digits, dashes, underscores and periods.")


def _word(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError.invalid(f"Missing required field: {name}")
    return value


def _value(body: dict[str, Any]) -> bytes:
    text, encoded = body.get("string_value"), body.get("bytes_value")
    if isinstance(text, str) and encoded is None:
        return text.encode()
    if isinstance(encoded, str) and text is None:
        try:
            return base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise ApiError.invalid("bytes_value is not base64.") from error
    raise ApiError.invalid("Exactly one of string_value and bytes_value must be given, as text.")
