"""The customers that are made from a seed: what a CSV file of them looks like, and what makes them leave."""

from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError
from sklearn.metrics import f1_score, roc_auc_score
from xgboost import XGBClassifier

from stackhouse.features.churn import Churn
from stackhouse.synthetic import CustomersParameters, generate_customers
from stackhouse.synthetic.customers import MISSPELT_PAYMENTS, RARE_PAYMENTS
from stackhouse.table import Table


@pytest.fixture(scope="module")
def customers() -> pl.DataFrame:
    return generate_customers(CustomersParameters())


def churned(rows: pl.DataFrame) -> float:
    return float((rows["churn"].drop_nulls() == "Yes").mean() or 0.0)


def test_same_seed_gives_the_same_bytes_and_another_seed_others(customers: pl.DataFrame) -> None:
    assert generate_customers(CustomersParameters()).write_csv() == customers.write_csv()
    assert not generate_customers(CustomersParameters(seed=43)).equals(customers)


def test_there_is_every_column_that_the_definition_reads_and_one_row_a_customer(customers: pl.DataFrame) -> None:
    assert {*customers.columns} == {*Churn().inputs["rows"]}
    assert len(customers) == customers["customer_id"].n_unique() == 7_000


@pytest.mark.parametrize("share", [0.05, 0.265, 0.6])
def test_just_the_given_share_left(share: float) -> None:
    made = generate_customers(CustomersParameters(rows=2_000, churn_share=share))
    left, unknown = (made["churn"] == "Yes").sum(), made["churn"].null_count()
    assert unknown == 6
    assert 2_000 * share - unknown <= left <= 2_000 * share


@pytest.mark.parametrize("wrong", [{"rows": 49}, {"churn_share": 0}, {"churn_share": 1}, {"seed": -1}, {"customers": 5}])
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        CustomersParameters.model_validate(wrong)


def test_blanks_stand_where_a_file_has_them(customers: pl.DataFrame) -> None:
    new = customers["tenure"] == 0
    assert new.sum() > 50
    assert (customers.filter(new)["total_charges"] == " ").all()
    assert customers.filter(~new)["total_charges"].str.contains(r"^[0-9]+\.[0-9]+$").all()
    assert customers["monthly_charges"].null_count() == customers["churn"].null_count() == (customers["contract"] == " ").sum() == 21
    assert {name: count for name, count in customers.null_count().row(0, named=True).items() if count} == {
        "monthly_charges": 21,
        "churn": 21,
    }


def test_total_charges_are_about_what_was_paid(customers: pl.DataFrame) -> None:
    paid = customers.filter(pl.col("tenure") > 0).drop_nulls("monthly_charges")
    ratio = paid["total_charges"].cast(pl.Float64) / (paid["tenure"] * paid["monthly_charges"])
    assert 0.96 < float(ratio.min()) < float(ratio.max()) < 1.04


def test_some_ways_to_pay_are_rare_and_some_are_of_one_customer(customers: pl.DataFrame) -> None:
    counts = dict(customers["payment_method"].value_counts().rows())
    assert [counts[text] for text in MISSPELT_PAYMENTS] == [1, 1, 1]
    assert all(1 < counts[text] <= 10 for text in RARE_PAYMENTS)
    assert len(counts) == 4 + len(MISSPELT_PAYMENTS) + len(RARE_PAYMENTS)


def test_services_without_what_they_need_say_so(customers: pl.DataFrame) -> None:
    assert (customers.filter(pl.col("phone_service") == "No")["multiple_lines"] == "No phone service").all()
    offline = customers.filter(pl.col("internet_service") == "No")
    assert (offline["online_security"] == "No internet service").all()
    assert (offline["tech_support"] == "No internet service").all()


def test_contract_by_the_month_and_short_tenure_let_customers_leave(customers: pl.DataFrame) -> None:
    by_contract = {contract: churned(rows) for (contract,), rows in customers.group_by("contract")}
    assert by_contract["Month-to-month"] > 4 * by_contract["One year"] > 4 * by_contract["Two year"]
    assert churned(customers.filter(pl.col("tenure") <= 12)) > 4 * churned(customers.filter(pl.col("tenure") > 48))
    monthly = customers.filter(pl.col("contract") == "Month-to-month")
    median = customers["monthly_charges"].median()
    assert churned(monthly.filter(pl.col("monthly_charges") > median)) > 1.3 * churned(monthly.filter(pl.col("monthly_charges") <= median))


def test_who_leaves_can_be_learned_well_enough_for_the_minima_of_the_guide(customers: pl.DataFrame) -> None:
    given, definition = {"rows": Table.of(customers)}, Churn()
    features, labels = definition.features(given).collect().to_native(), definition.labels(given).collect().to_native()
    x = features.drop("customer_id")
    x = x.to_dummies([name for name in x.columns if x[name].dtype == pl.String]).cast(pl.Float64).fill_null(0.0)
    known = labels["churn"].is_not_null()
    matrix, left = x.filter(known).to_numpy(), (labels.filter(known)["churn"] == "Yes").cast(pl.Int8).to_numpy()
    cut = len(left) * 8 // 10
    model = XGBClassifier(n_estimators=60, max_depth=4, learning_rate=0.1, n_jobs=1, random_state=0).fit(matrix[:cut], left[:cut])
    probability = model.predict_proba(matrix[cut:])[:, 1]
    assert 0.85 < roc_auc_score(left[cut:], probability) < 0.97
    assert f1_score(left[cut:], probability > 0.5) > 0.70


def test_csv_of_the_customers_is_read_as_the_customers(customers: pl.DataFrame, tmp_path: Path) -> None:
    customers.write_csv(tmp_path / "customers.csv")
    read = pl.read_csv(tmp_path / "customers.csv", infer_schema_length=None)
    given, made = {"rows": Table.of(read)}, {"rows": Table.of(customers)}
    for what in ("features", "labels"):
        from_file, from_seed = (getattr(Churn(), what)(source).collect().to_native() for source in (given, made))
        assert from_file.equals(from_seed)
