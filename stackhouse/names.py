"""Names of catalogs, schemas, tables and models, as Unity Catalog and the folder of a local feature store both take them.

A name is data: it is checked here, before it becomes part of a path, a statement or a name in the registry.
"""

import re

from stackhouse.errors import ConfigurationError

LONGEST = 255
"""Characters that Unity Catalog takes. Source: Databricks SQL reference, "Names"."""

_LEVEL = re.compile(r"[A-Za-z0-9_]+", re.ASCII)

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}", re.ASCII)
"""One address without a display name: local part and domain. Source: RFC 5321, as HTML's input of type email narrows it."""


def require_level(what: str, name: str) -> str:
    """Return one level of a name: letters, digits and `_` of ASCII, 255 at most.

    >>> require_level("--catalog", "mlops_dev")
    'mlops_dev'

    Raises:
        ConfigurationError: where it is empty, too long, or has any other character.
    """
    if not name:
        raise ConfigurationError(f"{what} is empty. Give a name of letters, digits and '_'; nothing was read or written.")
    if len(name) > LONGEST:
        raise ConfigurationError(
            f"{what} has {len(name)} characters, and a name has {LONGEST} at most. Give a shorter one; nothing was read or written."
        )
    if not _LEVEL.fullmatch(name):
        raise ConfigurationError(f"{what} is {name!r}. Give a name of letters, digits and '_' alone; nothing was read or written.")
    return name


def require_three_levels(what: str, name: str) -> str:
    """Return a name of the form catalog.schema.table, each level as `require_level` takes it.

    >>> require_three_levels("--label-table", "mlops_dev.labels.fraud_labels")
    'mlops_dev.labels.fraud_labels'

    Raises:
        ConfigurationError: where it has other than three levels, or a level cannot be a name.
    """
    levels = name.split(".")
    if len(levels) != 3:
        raise ConfigurationError(f"{what} is {name!r}, which has not three levels. Give catalog.schema.table; nothing was read or written.")
    for level in levels:
        require_level(f"{what} ({name!r})" if len(name) <= LONGEST else what, level)
    return name


def require_address(what: str, address: str) -> str:
    """Return an e-mail address: one, bare, with a domain; or an empty text, which is nobody.

    >>> require_address("alert_address", "ml-team@company.com")
    'ml-team@company.com'

    Raises:
        ConfigurationError: where it is anything else.
    """
    if address and not _ADDRESS.fullmatch(address):
        raise ConfigurationError(f"{what} is {address!r}. Give one e-mail address such as ml-team@company.com, or leave it empty.")
    return address
