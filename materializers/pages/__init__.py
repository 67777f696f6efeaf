"""Pages: each report of the core as a self-contained HTML document, which the dashboard shows beside the artifact.

One module for the pages of one subject; frame and style stand in `layout.py`, charts in `svg.py`. Reading and writing
artifacts belongs in the materializers, and what a report contains in the core.
"""

from functools import singledispatch

from materializers.pages.certificate import certificate_page
from materializers.pages.cleaning import cleaning_page
from materializers.pages.data import feature_table_page, table_version_page, training_data_page
from materializers.pages.evaluation import evaluation_page
from materializers.pages.explanation import explanation_page
from materializers.pages.labels import label_page
from materializers.pages.layout import page, text
from materializers.pages.leaks import leak_page
from materializers.pages.model_card import model_card_page
from materializers.pages.model_validation import model_validation_page
from materializers.pages.preparation import division_page, prepared_tables_page, source_record_page
from materializers.pages.profile import profile_page
from materializers.pages.promotion import promotion_page
from materializers.pages.registration import registration_page, validation_page
from materializers.pages.scoring import scoring_page
from materializers.pages.training import scoring_rules_page, training_page
from materializers.pages.tuning import tuning_page
from materializers.pages.validation import data_validation_page
from materializers.pages.verdict import verdict_page
from stackhouse.report import Report

__all__ = ["render"]


@singledispatch
def render(report: Report) -> str:
    """Render a report as a whole HTML document; one without a page of its own becomes a table of its fields."""
    return page("Report", type(report).__name__, text(report))


# Each function says by the type of its argument which report it is the page of.
for _page in (
    certificate_page,
    cleaning_page,
    data_validation_page,
    division_page,
    evaluation_page,
    explanation_page,
    feature_table_page,
    label_page,
    leak_page,
    model_card_page,
    model_validation_page,
    prepared_tables_page,
    profile_page,
    promotion_page,
    registration_page,
    scoring_page,
    scoring_rules_page,
    source_record_page,
    table_version_page,
    training_data_page,
    training_page,
    tuning_page,
    validation_page,
    verdict_page,
):
    render.register(_page)
