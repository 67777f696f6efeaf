"""Synthetic sources: seeded, pure, with the schemas of the real tables, so that definitions run unchanged on both.

What belongs here draws its rows from one seed and nothing else. What does not: reading of real tables, see `stacks/`.
"""

from stackhouse.synthetic.account import Account, Planted, generate_account
from stackhouse.synthetic.account_parameters import AccountParameters
from stackhouse.synthetic.customers import CustomersParameters, generate_customers

__all__ = ["Account", "AccountParameters", "CustomersParameters", "Planted", "generate_account", "generate_customers"]
