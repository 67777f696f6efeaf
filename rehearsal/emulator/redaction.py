"""Secrets taken out of what a task writes, also where a piece of output ends in the middle of one."""

import json
from collections.abc import Iterable

MARK = "[REDACTED]"


class Redaction:
    """Replaces values by a mark, in text and in a stream of bytes."""

    def __init__(self, values: Iterable[str]) -> None:
        """Take the values; also as they look within quotes, since a multi-line key is often printed so."""
        plain = {value for value in values if value.strip()}
        spelt = {form for value in plain for form in (value, json.dumps(value)[1:-1], repr(value)[1:-1])}
        # The longest first, so that no value is left in part because another is its beginning
        self._values = sorted(spelt, key=len, reverse=True)
        self._bytes = [value.encode() for value in self._values]
        self._held = b""

    def text(self, text: str) -> str:
        """Return a text without the values."""
        for value in self._values:
            text = text.replace(value, MARK)
        return text

    def feed(self, piece: bytes) -> bytes:
        """Return what of a stream can be shown by now; what may be the beginning of a value is held back."""
        found = self._held + piece
        for value in self._bytes:
            found = found.replace(value, MARK.encode())
        held = max((_overlap(found, value) for value in self._bytes), default=0)
        self._held = found[len(found) - held :]
        return found[: len(found) - held]

    def rest(self) -> bytes:
        """Return what was held back, once the stream has ended."""
        held, self._held = self._held, b""
        return held


def _overlap(stream: bytes, value: bytes) -> int:
    """Return how many bytes at the end of a stream are the beginning of a value."""
    return next((size for size in range(min(len(value) - 1, len(stream)), 0, -1) if stream.endswith(value[:size])), 0)
