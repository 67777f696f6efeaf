"""Made rows: what the seeded generators of the core give."""

from collections.abc import Sequence

from stackhouse.errors import ConfigurationError
from stackhouse.sources import AccountSource, CustomersSource, SyntheticSource, require_one_input
from stackhouse.table import Table


def make_account(source: AccountSource, inputs: Sequence[str]) -> dict[str, Table]:
    """Make the system tables of a Databricks account.

    Raises:
        ConfigurationError: where the definition reads a table that the account does not have.
    """
    from stackhouse.synthetic.account import generate_account

    tables = generate_account(source).tables
    if unknown := [name for name in inputs if name not in tables]:
        raise ConfigurationError(
            f"The made account has no table {', '.join(unknown)}; it has {', '.join(tables)}. Choose a definition that reads these."
        )
    return {name: Table.of(tables[name], name=f"{name} of a made account") for name in inputs}


def make_rows(source: SyntheticSource, inputs: Sequence[str]) -> dict[str, Table]:
    """Make rows with a key, a time, features and a target.

    Raises:
        ConfigurationError: where the definition reads several tables.
    """
    from stackhouse.synthetic.rows import generate_rows

    name = require_one_input(inputs, "the made rows are one table")
    return {name: Table.of(generate_rows(source), name="the made rows")}


def make_customers(source: CustomersSource, inputs: Sequence[str]) -> dict[str, Table]:
    """Make customers with what is known of each, and whether the customer left.

    Raises:
        ConfigurationError: where the definition reads several tables.
    """
    from stackhouse.synthetic.customers import generate_customers

    name = require_one_input(inputs, "the made customers are one table")
    return {name: Table.of(generate_customers(source), name="the made customers")}
