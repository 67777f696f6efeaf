"""Synthetic sources: seeded, pure, with the schemas of the real tables, so that definitions run unchanged on both.

What belongs here draws its rows from one seed and nothing else. What does not: reading of real tables, see `stacks/`.
"""

from stackhouse.synthetic.account import Account, AccountParameters, Planted, generate_account

__all__ = ["Account", "AccountParameters", "Planted", "generate_account"]
