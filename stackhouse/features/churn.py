"""Features of a customer who may leave: what the contract says, how long it has run, and what is paid for it.

The rows are those of a CSV file that somebody exported: numbers may be blank or text, and flags are "Yes" and "No". Nothing is fitted
here. What needs the training rows, such as the median above which charges are high, belongs into the model.

Source: the churn training guide (bins of tenure, amounts); docs of pandas.cut, pandas.to_numeric (`errors="coerce"`).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

import narwhals as nw
from pydantic import Field, model_validator

from stackhouse.features.coerced import flag, label, number, text
from stackhouse.features.comparable import comparable
from stackhouse.features.definition import Definition
from stackhouse.table import Roles, Table

TENURE, CHARGES, CONTRACT = "tenure", "monthly_charges", "contract"
TENURE_CATEGORIES = (("New", 12), ("Medium", 24), ("Long", 48))
"""Categories of tenure with the month at which each ends, which belongs to it; the last, Very_Long, has no end. Tenure 0 is New."""
_MADE = ("tenure_category", "total_amount", "avg_monthly_charges")


class Churn(Definition):
    """Feature definition of one row for each customer, from the input `rows`. Rows have no time."""

    kind: Literal["churn"] = "churn"
    keys: tuple[str, ...] = Field(("customer_id",), description="Columns that name a customer.", min_length=1)
    numbers: tuple[str, ...] = Field(
        ("senior_citizen", "total_charges"),
        description="Columns that are numbers, beside tenure and monthly_charges; what is none is null.",
    )
    flags: tuple[str, ...] = Field(
        ("partner", "dependents", "phone_service", "paperless_billing"), description="Columns of Yes and No; anything else is null."
    )
    categories: tuple[str, ...] = Field(
        ("multiple_lines", "internet_service", "online_security", "tech_support", "payment_method"),
        description="Columns of text with few values, beside contract; a blank is null.",
    )
    label: str = Field("churn", description="Column that says whether the customer left, as the source says it.")

    @model_validator(mode="after")
    def _one_role_a_column(self) -> Self:
        named = (*self.keys, self.label, *self.feature_names)
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(
                f"{twice} stands in two places; keys, label, numbers, flags, categories and what the definition reads or makes itself "
                f"({', '.join((TENURE, CHARGES, CONTRACT, *_MADE))}) have a name of their own"
            )
        return self

    @property
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """The rows, with the label."""
        return {"rows": (*self.keys, *self._read, self.label)}

    @property
    def primary_keys(self) -> tuple[str, ...]:
        """A customer."""
        return self.keys

    @property
    def timestamp(self) -> None:
        """None: a row says what is known today."""
        return

    @property
    def label_roles(self) -> Roles:
        """Roles of the columns of the label table."""
        return Roles(primary_keys=self.keys, label=self.label)

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The label as it is measured."""
        return (self.label,)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order in which `features` gives them."""
        return (*self._read, *_MADE)

    @property
    def _read(self) -> tuple[str, ...]:
        return (TENURE, CHARGES, *self.numbers, *self.flags, CONTRACT, *self.categories)

    def features(self, sources: Mapping[str, Table]) -> Table:
        """Compute the features, shape (n_rows, n_keys + n_features); every row stays.

        Numbers are float64, null where the source has a blank, text that is no decimal number, NaN or ±Inf. Flags are booleans,
        null where the source says neither Yes nor No. Categories are text, null where blank. `tenure_category` is New up to
        12 months, Medium up to 24, Long up to 48, Very_Long above; the upper end of each belongs to it, and null is where tenure is
        null or negative. `total_amount` is tenure · monthly_charges, `avg_monthly_charges` monthly_charges / (tenure + 1), float64,
        null where one of the two is null or tenure is negative.

        Raises:
            ColumnNotFoundError: where the input lacks a column.
            ColumnTypeError: where a column cannot be what it is named as.
            ConfigurationError: where the input is missing.
        """
        rows = self.read(sources, "rows")
        read = rows.frame.select(*self.keys, *self._coerced(rows))
        tenure, charges = nw.col(TENURE), nw.col(CHARGES)
        begun = tenure >= 0
        made = read.with_columns(
            _tenure_category(tenure).alias("tenure_category"),
            nw.when(begun).then(tenure * charges).alias("total_amount"),
            nw.when(begun).then(charges / (tenure + 1)).alias("avg_monthly_charges"),
        )
        roles = Roles(primary_keys=self.keys, features=self.feature_names)
        return comparable(Table(made.select(*roles.columns), roles, "churn features"))

    def labels(self, sources: Mapping[str, Table]) -> Table:
        """Return keys and the label as it is measured, shape (n_rows, n_keys + 1): text without blanks around it, or float64.

        Raises:
            ColumnNotFoundError: where the input lacks a column.
            ColumnTypeError: where the label is neither text nor a number nor a boolean.
            ConfigurationError: where the input is missing.
        """
        rows = self.read(sources, "rows")
        measured = label(rows, self.label).alias(self.label)
        return comparable(Table(rows.frame.select(*self.keys, measured), self.label_roles, "churn labels"))

    def _coerced(self, rows: Table) -> Iterator[nw.Expr]:
        kinds: dict[str, Any] = dict.fromkeys((TENURE, CHARGES, *self.numbers), number)
        kinds |= dict.fromkeys(self.flags, flag) | dict.fromkeys((CONTRACT, *self.categories), text)
        return (kinds[name](rows, name).alias(name) for name in self._read)


def _tenure_category(tenure: nw.Expr) -> nw.Expr:
    """Name the interval of months that tenure lies in, as pandas.cut does with right ends and the lowest included. Shape: (n_rows,)."""
    named: nw.Expr = nw.when(tenure > TENURE_CATEGORIES[-1][1]).then(nw.lit("Very_Long"))
    for name, last in reversed(TENURE_CATEGORIES):
        named = nw.when((tenure >= 0) & (tenure <= last)).then(nw.lit(name)).otherwise(named)
    return named
