"""Customers of a telephone company made from a seed, as somebody would export them: one row each, and whether the customer left.

The frame is what a CSV file of it is read as: flags are Yes and No, and a charge that nobody has been billed for yet is a blank, which
makes its whole column text. `generate_customers(CustomersParameters()).write_csv("customers.csv")` writes that file.

Whether a customer left is drawn from the values before some of them are blanked. A contract by the month lets most go, above all where
the charges are high; tenure keeps them; fibre and electronic checks do not.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

BY_MONTH, BY_YEAR, BY_TWO_YEARS = "Month-to-month", "One year", "Two year"
FIBER, DSL, NO_INTERNET = "Fiber optic", "DSL", "No"
CHECK, MAIL, BANK, CARD = "Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"
RARE_PAYMENTS = ("Gift card", "Cash at the shop")
MISSPELT_PAYMENTS = ("electronic cheque", "Bank-transfer", "Credit crad")
"""Texts of one row each, so that with most seeds some rows have one that the training rows do not."""
MAX_TENURE = 72
_RARE_SHARE, _BLANK_SHARE = 0.002, 0.003
_NOISE = 0.6
"""Scale of what the columns do not tell of a customer, beside their weights in the logarithm of the odds."""

Numbers = NDArray[np.float64]


class CustomersParameters(BaseModel):
    """What the customers are made from; equal parameters give equal rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = Field(7_000, ge=50, le=1_000_000, description="How many customers, a row each.")
    churn_share: float = Field(0.265, ge=0.05, le=0.95, description="Share of the customers who left.")
    seed: int = Field(42, ge=0, description="Seed of everything that is drawn.")


def generate_customers(parameters: CustomersParameters) -> pl.DataFrame:
    """Make customers, shape (rows, 16): customer_id and churn (Yes, No) as text, and what the definition `churn` reads.

    `tenure` is whole months from 0 to 72, `senior_citizen` 0 or 1, `monthly_charges` an amount a month. `total_charges`, about tenure
    times monthly_charges, is text, and " " where tenure is 0. Just `churn_share` of the customers, to the nearest one, left. Three in a
    thousand have no monthly_charges (null), as many no contract (" "), and as many are not known to have left or stayed (null), at
    least one each; two in a thousand pay in a way that is rare, and three in one that nobody else does.

    >>> generate_customers(CustomersParameters(rows=200))["churn"].value_counts(sort=True).rows()
    [('No', 146), ('Yes', 53), (None, 1)]
    """
    rng, count = np.random.default_rng(parameters.seed), parameters.rows

    def flags(share: float) -> pl.Series:
        return pl.Series(rng.random(count) < share)

    drawn = pl.DataFrame(
        {
            "customer_id": [f"C{number:06d}" for number in rng.permutation(count)],
            "senior_citizen": flags(0.16).cast(pl.Int64),
            "contract": rng.choice([BY_MONTH, BY_YEAR, BY_TWO_YEARS], count, p=[0.55, 0.21, 0.24]),
            "internet_service": rng.choice([FIBER, DSL, NO_INTERNET], count, p=[0.44, 0.34, 0.22]),
            "payment_method": rng.choice([CHECK, MAIL, BANK, CARD], count, p=[0.34, 0.23, 0.22, 0.21]),
            **{name: flags(share) for name, share in (("partner", 0.48), ("dependents", 0.3), ("phone_service", 0.9))},
            **{name: flags(share) for name, share in (("paperless_billing", 0.59), ("lines", 0.47), ("security", 0.37), ("support", 0.37))},
        }
    )
    online = pl.col("internet_service") != NO_INTERNET
    lines, security, support = pl.col("phone_service") & pl.col("lines"), online & pl.col("security"), online & pl.col("support")
    drawn = drawn.with_columns(
        lines.alias("lines"), security.alias("security"), support.alias("support"), pl.Series("tenure", _tenure(drawn["contract"], rng))
    )
    charges = _monthly_charges(drawn) + rng.normal(0, 4, count)
    drawn = drawn.with_columns(pl.Series("monthly_charges", np.maximum(18.25, charges)).round(2))
    left = _largest(_score(drawn) + rng.logistic(0, _NOISE, count), parameters.churn_share)
    total = (pl.col("tenure") * pl.col("monthly_charges") * pl.Series(rng.uniform(0.97, 1.03, count))).round(2)
    customers = drawn.select(
        "customer_id",
        "senior_citizen",
        _yes("partner"),
        _yes("dependents"),
        "tenure",
        _yes("phone_service"),
        pl.when("phone_service").then(_yes("lines")).otherwise(pl.lit("No phone service")).alias("multiple_lines"),
        "internet_service",
        pl.when(online).then(_yes("security")).otherwise(pl.lit("No internet service")).alias("online_security"),
        pl.when(online).then(_yes("support")).otherwise(pl.lit("No internet service")).alias("tech_support"),
        "contract",
        _yes("paperless_billing"),
        pl.Series("payment_method", _with_rare(drawn["payment_method"].to_list(), rng)),
        "monthly_charges",
        pl.when(pl.col("tenure") == 0).then(pl.lit(" ")).otherwise(total.cast(pl.String)).alias("total_charges"),
        pl.when(pl.Series(left)).then(pl.lit("Yes")).otherwise(pl.lit("No")).alias("churn"),
    )
    return customers.with_columns(
        pl.when(~_blank(count, rng)).then("monthly_charges").alias("monthly_charges"),
        pl.when(~_blank(count, rng)).then("contract").otherwise(pl.lit(" ")).alias("contract"),
        pl.when(~_blank(count, rng)).then("churn").alias("churn"),
    )


def _tenure(contract: pl.Series, rng: np.random.Generator) -> NDArray[np.int64]:
    """Whole months since the contract began: few where it can be ended each month, many where it runs for two years."""
    months = contract.replace_strict({BY_MONTH: 18.0, BY_YEAR: 42.0, BY_TWO_YEARS: 57.0}).to_numpy()
    drawn = np.where(months < 20, rng.exponential(months), rng.normal(months, 16.0))
    return np.clip(drawn, 0, MAX_TENURE).astype(np.int64)


def _monthly_charges(drawn: pl.DataFrame) -> Numbers:
    """Price of what a customer has, before what differs between customers; shape (n_rows,)."""
    internet = pl.col("internet_service").replace_strict({FIBER: 57.0, DSL: 32.0, NO_INTERNET: 4.0})
    extras = pl.sum_horizontal("security", "support") * 6.0 + pl.col("lines") * 5.0
    return drawn.select(internet + extras + pl.col("phone_service") * 16.0).to_series().to_numpy()


def _score(drawn: pl.DataFrame) -> Numbers:
    """Logarithm of the odds to leave, up to a constant; shape (n_rows,)."""
    by_month = pl.col("contract") == BY_MONTH
    high = pl.col("monthly_charges") > pl.col("monthly_charges").median()
    weighed = (
        (1.3, by_month),
        (0.7, by_month & high),
        (-1.2, pl.col("contract") == BY_TWO_YEARS),
        (0.6, pl.col("internet_service") == FIBER),
        (0.5, pl.col("payment_method") == CHECK),
        (0.3, pl.col("paperless_billing")),
        (0.25, pl.col("senior_citizen") == 1),
        (-0.45, pl.col("security")),
        (-0.4, pl.col("support")),
        (-0.2, pl.col("dependents")),
    )
    kept = (pl.col("tenure") + 1).log() * -0.65
    return drawn.select(kept + pl.sum_horizontal(present * weight for weight, present in weighed)).to_series().to_numpy()


def _largest(score: Numbers, share: float) -> NDArray[np.bool_]:
    """Mark the rows with the largest scores."""
    marked = np.zeros(len(score), dtype=bool)
    marked[np.argsort(score, kind="stable")[len(score) - round(share * len(score)) :]] = True
    return marked


def _with_rare(payments: list[str], rng: np.random.Generator) -> list[str]:
    """Put in payment methods that are rare, and one row each of those that are misspelt."""
    rare = max(len(RARE_PAYMENTS), round(_RARE_SHARE * len(payments)))
    texts = [*MISSPELT_PAYMENTS, *(RARE_PAYMENTS[turn % len(RARE_PAYMENTS)] for turn in range(rare))]
    changed = list(payments)
    for place, payment in zip(rng.choice(len(payments), len(texts), replace=False), texts, strict=True):
        changed[place] = payment
    return changed


def _blank(count: int, rng: np.random.Generator) -> pl.Series:
    """Mark a few rows, at least one."""
    marked = np.zeros(count, dtype=bool)
    marked[rng.choice(count, max(1, round(_BLANK_SHARE * count)), replace=False)] = True
    return pl.Series(marked)


def _yes(flag: str) -> pl.Expr:
    return pl.when(flag).then(pl.lit("Yes")).otherwise(pl.lit("No")).alias(flag)
