"""The study of a search: which hyperparameters come next, and which trials end early. Optuna draws and prunes.

A trial draws with a seed made of the search's seed and its own number, so that it depends on the trials before alone, and not on
whether they were made in one go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackhouse.algorithms import Choices, Estimating, Space
from stackhouse.errors import ConfigurationError
from stackhouse.evaluation.metrics import lower_is_better
from stackhouse.tuning.comparison import Trial
from stackhouse.tuning.search_rule import SearchRule, is_whole, with_values

KEPT = "trial"
"""Attribute of an Optuna trial that holds our record of it as JSON."""

LEAST_FOR_IMPORTANCE = 10
"""Whole trials in the space of a kind from which on the importance of its hyperparameters is computed."""

Spaces = Mapping[str, Mapping[str, Space]]


class Study:
    """A study in memory, so that what ends in the middle of a trial leaves nothing of it; finished trials are kept elsewhere."""

    def __init__(self, metric: str, listed: Sequence[Estimating], rule: SearchRule, kept: Any) -> None:
        """Take over the finished trials of a kept Optuna study; None for none.

        Raises:
            ConfigurationError: where they are not those of a search with the same listed candidates.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._rule, self._kept = optuna, rule, kept
        self.spaces = rule.spaces(listed)
        self._first = {algorithm.kind: algorithm for algorithm in reversed(listed)}
        self._study = optuna.create_study(
            direction="minimize" if lower_is_better(metric) else "maximize", pruner=optuna.pruners.MedianPruner(n_warmup_steps=1)
        )
        self._study.add_trials([] if kept is None else kept.trials[: max(rule.trials, len(listed))])
        records = [trial.user_attrs.get(KEPT) for trial in self._study.trials]
        self.trials = [Trial.model_validate_json(record) for record in records if record]
        """All finished trials, in order."""
        if len(self.trials) != len(records) or [trial.algorithm for trial in self.trials[: len(listed)]] != listed[: len(records)]:
            raise ConfigurationError(f"The kept study '{kept.study_name}' is of another search. Delete it; the search then begins anew.")

    def add_listed(self, algorithm: Estimating, values: Sequence[float]) -> None:
        """Add a listed candidate with its metric on each fold; the sampler learns of those hyperparameters that lie in the space."""
        trial = Trial(algorithm=algorithm, folds=tuple(values))
        space = self.spaces[algorithm.kind]
        within = {field: getattr(algorithm, field) for field in space if _holds(space[field], getattr(algorithm, field))}
        distributions = {f"{algorithm.kind}.{field}": self._distribution(algorithm.kind, field) for field in within}
        self._study.add_trial(
            self._optuna.trial.create_trial(
                params={"kind": algorithm.kind, **{f"{algorithm.kind}.{field}": value for field, value in within.items()}},
                distributions={"kind": self._kinds, **distributions},
                value=trial.mean,
                intermediate_values=dict(enumerate(_running_means(values))),
                user_attrs={KEPT: trial.model_dump_json()},
            )
        )
        self._keep(trial)

    def draw(self) -> "Drawn":
        """Begin the next trial: draw a kind, and the hyperparameters of its space."""
        (seed,) = np.random.SeedSequence([self._rule.seed, len(self.trials)]).generate_state(1)
        self._study.sampler = self._optuna.samplers.TPESampler(seed=int(seed))
        asked = self._study.ask()
        kind = asked.suggest_categorical("kind", self._kinds.choices)
        values = {field: self._suggest(asked, kind, field) for field in self.spaces[kind]}
        return Drawn(asked, with_values(self._first[kind], values), values)

    def finish(self, drawn: "Drawn", values: Sequence[float], rounds: Sequence[int]) -> None:
        """End a trial with its metric on each fold, and after how many trees each fold stopped; pruned where folds are missing.

        Where it stopped early, the algorithm gets the mean of these numbers of trees, rounded.
        """
        algorithm, pruned = drawn.algorithm, len(values) < self._rule.folds
        if rounds:
            algorithm = with_values(algorithm, {"n_estimators": max(1, round(float(np.mean(rounds))))})
        trial = Trial(algorithm=algorithm, folds=tuple(values), rounds=tuple(rounds), drawn=drawn.values, pruned=pruned)
        for fold, mean in enumerate(_running_means(values)):
            drawn.asked.report(mean, fold)
        drawn.asked.set_user_attr(KEPT, trial.model_dump_json())
        if pruned:
            self._study.tell(drawn.asked, state=self._optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(drawn.asked, trial.mean)
        self._keep(trial)

    def is_poor(self, fold: int, mean: float) -> bool:
        """Say whether a mean over the folds so far is worse than the median of the whole trials' at the same fold.

        Never before five trials are whole, nor on one fold alone. Only the mean at this fold counts and not the best
        at any: folds are no epochs, some are easier.
        """
        so_far = self._optuna.trial.create_trial(state=self._optuna.trial.TrialState.RUNNING, intermediate_values={fold: mean})
        return bool(self._rule.pruning and self._study.pruner.prune(self._study, so_far))

    def importance(self, kind: str) -> dict[str, float]:
        """How much each hyperparameter of a kind accounts for which of its trials are the better ones, summing to 1, largest first.

        Empty where fewer than ten whole trials lie in its space. Source: PED-ANOVA, as Optuna computes it by default.
        """
        names = {f"{kind}.{field}": field for field in self.spaces[kind]}
        whole = self._study.get_trials(states=[self._optuna.trial.TrialState.COMPLETE])
        of_kind = [trial for trial in whole if names.keys() <= trial.params.keys()]
        if len(of_kind) < LEAST_FOR_IMPORTANCE or not names:
            return {}
        study = self._optuna.create_study(direction=self._study.direction)
        study.add_trials(of_kind)
        found = self._optuna.importance.get_param_importances(study, params=list(names))
        return {names[name]: float(value) for name, value in found.items()}

    def _keep(self, trial: Trial) -> None:
        self.trials.append(trial)
        if self._kept is not None:
            self._kept.add_trial(self._study.trials[-1])

    def _suggest(self, asked: Any, kind: str, field: str) -> Any:
        name, space = f"{kind}.{field}", self.spaces[kind][field]
        if isinstance(space, Choices):
            return asked.suggest_categorical(name, space.choices)
        if is_whole(type(self._first[kind]), field):
            return asked.suggest_int(name, int(space.low), int(space.high), log=space.log)
        return asked.suggest_float(name, float(space.low), float(space.high), log=space.log)

    @property
    def _kinds(self) -> Any:
        return self._optuna.distributions.CategoricalDistribution(tuple(self.spaces))

    def _distribution(self, kind: str, field: str) -> Any:
        space, distributions = self.spaces[kind][field], self._optuna.distributions
        if isinstance(space, Choices):
            return distributions.CategoricalDistribution(space.choices)
        if is_whole(type(self._first[kind]), field):
            return distributions.IntDistribution(int(space.low), int(space.high), log=space.log)
        return distributions.FloatDistribution(float(space.low), float(space.high), log=space.log)


@dataclass(frozen=True)
class Drawn:
    """A trial that has begun: what was drawn for it."""

    asked: Any
    """The trial of Optuna."""
    algorithm: Estimating
    values: Mapping[str, Any]


def _holds(space: Space, value: Any) -> bool:
    if isinstance(space, Choices):
        return value in space.choices
    return isinstance(value, int | float) and space.low <= value <= space.high


def _running_means(values: Sequence[float]) -> list[float]:
    return [float(np.mean(values[: number + 1])) for number in range(len(values))]
