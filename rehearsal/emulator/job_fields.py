"""Fields of a request against the SDK's own dataclasses: unknown names, wrong types, unknown words of an enumeration, what is missing.

Stricter than Databricks, which ignores a field that it does not know: in a rehearsal a misspelt name should show.
"""

import dataclasses
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from rehearsal.emulator.errors import ApiError


def require_fields(value: object, kind: type, where: str = "") -> None:
    """Check a JSON object against a dataclass of the SDK, and everything within it.

    Raises:
        ApiError: naming the field, e.g. `tasks[0].python_wheel_task.entry_pont`.
    """
    if not isinstance(value, dict):
        raise ApiError.invalid(f"{where or 'The body'} must be an object.")
    hints = _hints(kind)
    for name, inner in value.items():
        at = f"{where}.{name}" if where else name
        if name not in hints:
            raise ApiError.invalid(f"{at}: there is no such field; {kind.__name__} has {', '.join(sorted(hints))}.")
        _require(inner, hints[name], at)
    for field in dataclasses.fields(kind):
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and value.get(field.name) is None:
            raise ApiError.invalid(f"Missing required field: {f'{where}.{field.name}' if where else field.name}")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _require(value: object, hint: Any, at: str) -> None:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        if value is not None:
            _require(value, next(argument for argument in arguments if argument is not NoneType), at)
    elif origin is list:
        if not isinstance(value, list):
            raise ApiError.invalid(f"{at} must be an array.")
        for position, item in enumerate(value):
            _require(item, arguments[0], f"{at}[{position}]")
    elif origin is dict:
        if not isinstance(value, dict):
            raise ApiError.invalid(f"{at} must be an object.")
        for key, item in value.items():
            _require(item, arguments[1], f"{at}.{key}")
    elif isinstance(hint, type) and dataclasses.is_dataclass(hint):
        require_fields(value, hint, at)
    else:
        _require_plain(value, hint, at)


def _require_plain(value: object, hint: Any, at: str) -> None:
    if isinstance(hint, type) and issubclass(hint, Enum):
        words = [str(word.value) for word in hint]
        if value not in words:
            raise ApiError.invalid(f"{at}: {value!r} is none of {', '.join(words)}.")
    elif hint in {bool, str} and not isinstance(value, hint):
        raise ApiError.invalid(f"{at} must be a {'boolean' if hint is bool else 'string'}.")
    elif hint in {int, float} and (isinstance(value, bool) or not isinstance(value, int if hint is int else int | float)):
        raise ApiError.invalid(f"{at} must be {'an integer' if hint is int else 'a number'}.")


def without_nulls(value: Any) -> Any:
    """Return JSON without the fields that are null: to the API they are the same as absent."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value
