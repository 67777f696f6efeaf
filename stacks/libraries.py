"""Versions of the installed libraries, under the names that a requirement gives them."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version

_OTHER_PACKAGES = {"xgboost": "xgboost-cpu"}
"""Packages that bring the same library without what only GPUs need."""


@cache
def installed_version(library: str) -> str:
    """Return the version of a library, whichever package brought it; the metadata of a package is read once in a process.

    Raises:
        PackageNotFoundError: where no package did.
    """
    try:
        return version(library)
    except PackageNotFoundError:
        if library not in _OTHER_PACKAGES:
            raise
        return version(_OTHER_PACKAGES[library])
