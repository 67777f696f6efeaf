"""What is tried again beyond what the SDK repeats by itself.

The SDK repeats a request that is answered with 429 or 503 (it waits as `Retry-After` says) or whose connection breaks before an
answer begins. It does not repeat after 500 or 504, nor where an answer breaks off; whoever uses this module may do so, since every
operation on the files of a volume may be done twice.

Source: `databricks/sdk/_base_client.py`, `_is_retryable`, and `databricks/sdk/retries.py`.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from databricks.sdk.errors import DeadlineExceeded, InternalError
from requests.exceptions import ChunkedEncodingError, ContentDecodingError

WAITS_SECONDS = (0.2, 1.0, 3.0)
"""How long is waited before each further try."""

TRANSIENT = (ChunkedEncodingError, ContentDecodingError, InternalError, DeadlineExceeded)
"""What passes, and the SDK does not repeat by itself."""

Answer = TypeVar("Answer")


def again(operation: Callable[[], Answer]) -> Answer:
    """Do what may be done twice, again where it failed for a reason that passes."""
    for seconds in WAITS_SECONDS:
        try:
            return operation()
        except TRANSIENT:
            time.sleep(seconds)
    return operation()
