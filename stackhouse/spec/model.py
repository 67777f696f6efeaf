"""ModelSpec: one model file, read on the client, frozen, unknown keys refused.

A model file is a ZenML run configuration whose `parameters.model` is a ModelSpec, so one file serves every pipeline.
"""

from typing import Self

from pydantic import model_validator

from stackhouse.cleaning import CleaningRule
from stackhouse.evaluation.decision import FixedThreshold
from stackhouse.fitted import ScoringRules
from stackhouse.promotion.rule import PromotionRule
from stackhouse.record import ModelIdentity
from stackhouse.spec.checks import CHECKS
from stackhouse.spec.fields import ModelFields
from stackhouse.writing import WritingRule


class ModelSpec(ModelFields):
    """Everything that one model file says."""

    @model_validator(mode="after")
    def _sections_fit_each_other(self) -> Self:
        for require in CHECKS:
            require(self)
        return self

    @property
    def identity(self) -> ModelIdentity:
        """What names the model in runs and in the registry."""
        return ModelIdentity(
            name=self.name,
            registered_name=self.registered_name,
            project=self.project,
            domain=self.domain,
            task=self.answers.name,
            use_case=self.use_case,
            environment=self.environment,
        )

    @property
    def candidates(self) -> tuple[ScoringRules, ...]:
        """Scoring rules of each candidate algorithm."""
        return tuple(
            ScoringRules(
                algorithm=algorithm,
                features=self.feature_names,
                cleaning=self.scoring_cleaning,
                label=self.label.rule,
                categorical=self.categorical,
                cuts=self.cuts,
                decision=self.decision,
                decision_threshold=self.decision.threshold if isinstance(self.decision, FixedThreshold) else 0.5,
            )
            for algorithm in self.algorithms
        )

    @property
    def deciding_metric(self) -> str:
        """Canonical name of the metric by which candidates are compared."""
        return self.tuning.metric or self.answers.deciding

    @property
    def promotion_rule(self) -> PromotionRule:
        """What evidence a new version needs to take the champion's place; the difference is shown by the slices of the evaluation."""
        asked, shown = self.promotion, self.evaluation
        return PromotionRule(
            metric=asked.metric or self.answers.deciding,
            min_rows=asked.min_rows,
            min_effect=asked.min_effect,
            confidence=asked.confidence,
            resamples=asked.resamples,
            slices=shown.slices,
            min_slice_rows=shown.min_slice_rows,
            seed=self.seed,
        )

    @property
    def scoring_cleaning(self) -> CleaningRule:
        """The cleaning rule for the features that the model reads alone, under the names that the lookups give them."""
        own = (lookup.outputs(lookup.feature_names or ()) for lookup in self.feature_lookups if lookup.table_name == self.feature_table)
        outputs = {feature: output for lookup in own for feature, output in lookup.items() if output in self.feature_names}
        columns = {outputs[name]: value for name, value in self.cleaning.columns.items() if name in outputs}
        return self.cleaning.model_copy(update={"columns": columns})

    @property
    def champion(self) -> str:
        """URI of the version that scores."""
        return f"models:/{self.registered_name}@{self.scoring.alias or self.registry.champion_alias}"

    @property
    def writing(self) -> WritingRule:
        """How feature and label table are written; both carry domain and model as tags (rule ML-01)."""
        return WritingRule(
            mode=self.features.write_mode,
            schema_change=self.features.schema_change,
            tags={"domain": self.domain, "model": self.name, **self.features.tags},
            retention_days=self.features.retention_days,
        )
