"""`stackhouse compare`: whether one registered version is better than another, on rows that neither was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from commands.model_file import read_model_file
from commands.progress import console
from commands.tracked import write_out
from commands.working import on_stack
from stackhouse.errors import ConfigurationError, RegistryError
from stackhouse.evaluation.metrics import lower_is_better, require_comparable
from stackhouse.promotion.evidence import Evidence
from stackhouse.promotion.rule import PromotionRule
from stackhouse.spec import ModelSpec

if TYPE_CHECKING:
    from stackhouse.record import ModelCheck
    from stacks.comparison import Comparison
    from stacks.named_version import NamedVersion
    from stacks.registered_model import RegisteredModel
    from stacks.registry import Registry


def compare(
    first: str,
    second: str,
    *,
    model_file: Path | None,
    knobs: dict[str, Any],
    slices: Sequence[str],
    promote: bool,
    stack: str | None,
    as_json: bool,
) -> int:
    """Compare version `second`, the challenger, with `first`, and say whether it is better; 0 where it is, else 1.

    Args:
        first: the version to beat, e.g. dev.flights.flight_delay@champion.
        second: the one that may be better.
        model_file: whose label table, promotion and slices are taken; those of the models and the defaults where absent.
        knobs: what flags say of metric, min_effect, confidence and min_rows; None stands for not given.
        slices: columns by whose values the difference is shown as well.
        promote: whether `second` becomes the champion where it is better; `first` has to be it before and until then.
        stack: the stack whose registry and feature store are read; the active one where absent.
        as_json: whether one JSON document is printed in place of tables.

    Raises:
        ConfigurationError: where a version, the model file or a flag is wrong, or the two answer different questions.
        RegistryError: where a version is not there; with `promote` where the second is not valid, or the first is not the champion, or
            not any more.
        StackhouseError: whatever stopped it.
    """
    from stacks.named_version import CHAMPION, NamedVersion

    named = [NamedVersion.parse(text) for text in (first, second)]
    if promote and named[0].name != named[1].name:
        raise ConfigurationError(f"--promote moves the alias of one model: {named[0].name} and {named[1].name} are two. Nothing was read.")
    spec = read_model_file(model_file) if model_file else None
    asked = _rule(spec, knobs, slices)
    alias = spec.registry.champion_alias if spec else CHAMPION
    out = console(stderr=as_json)
    with on_stack(stack, out, "compare"):
        from stacks.alias_moves import move_alias
        from stacks.comparison import compare_versions, require_comparable_models, require_metric
        from stacks.feature_store import active_feature_store
        from stacks.model_checks import checks_of
        from stacks.registered_model import registered_model
        from stacks.registry import Registry
        from stacks.tracking import tracking_client

        client = tracking_client()
        numbers = [one.resolve(client) for one in named]
        registry = Registry(client)
        if promote:
            _require_champion(registry, named, numbers, alias)
        champion, challenger = (registered_model(client, one.name, number) for one, number in zip(named, numbers, strict=True))
        table = require_comparable_models(champion, challenger, spec.label_table if spec else None)
        decided_by = knobs["metric"] is not None or spec is not None
        metric = require_metric(champion.task, asked.metric if decided_by else champion.task.deciding)
        rule = asked.model_copy(update={"metric": metric})
        found = compare_versions(active_feature_store(), champion, challenger, table, rule)
        promoted = promote and found.evidence.convincing
        if not as_json:
            _show(out, champion, challenger, found)
        if promoted:
            _require_valid(challenger, checks_of(client, named[1].name, numbers[1], challenger.model.fitted, found.rows))
            move_alias(registry, named[1].name, alias, numbers[1], expected=numbers[0], by=_on_record(found, rule))
    if as_json:
        write_out(_document(champion, challenger, found, promoted=promoted))
    elif promoted:
        out.print(f"{escape(challenger.said)} has the alias '{alias}' now")
    return 0 if found.evidence.convincing else 1


def _rule(spec: ModelSpec | None, knobs: dict[str, Any], slices: Sequence[str]) -> PromotionRule:
    """The rule of the model file, or the default one, with what the flags say in its place."""
    base = spec.promotion_rule if spec else PromotionRule()
    given = {name: value for name, value in knobs.items() if value is not None}
    if "metric" in given:
        try:
            given["metric"] = require_comparable(given["metric"])
        except ValueError as error:
            raise ConfigurationError(f"--metric: {error}.") from error
    if slices:
        given["slices"] = tuple(slices)
    try:
        return PromotionRule.model_validate({**base.model_dump(), **given})
    except ValidationError as error:
        problems = "; ".join(f"--{str(found['loc'][0]).replace('_', '-')}: {found['msg']}" for found in error.errors())
        raise ConfigurationError(f"{problems}. Nothing was read.") from error


def _on_record(found: "Comparison", rule: PromotionRule) -> str:
    """What the record of the move says of its reason."""
    evidence = found.evidence
    return (
        f"stackhouse compare: {evidence.metric} {evidence.challenger:.6g} against {evidence.champion:.6g}, improvement "
        f"{evidence.improvement:+.6g}, {evidence.bounds}, on {evidence.rows} rows of {found.label_table}; asked for more than "
        f"{rule.min_effect:g} at confidence {rule.confidence:g} on {rule.min_rows} rows"
    )


def _require_champion(registry: "Registry", named: "Sequence[NamedVersion]", numbers: Sequence[str], alias: str) -> None:
    """Check that the first is the champion, so that a promotion would have judged the second against what serves now."""
    found = registry.version_by_alias(named[0].name, alias)
    if found is None or str(found.version) != numbers[0]:
        points = f"at version {found.version}" if found else "nowhere"
        raise RegistryError(
            f"--promote replaces the champion, and version {numbers[0]} of {named[0].name} is not: the alias '{alias}' points {points}. "
            f"Name {named[0].name}@{alias} first; where there is none, register_model --alias {alias} sets it."
        )


def _require_valid(challenger: "RegisteredModel", checks: "Sequence[ModelCheck]") -> None:
    """Check that the version serves as it was trained, as a training run does before it promotes its own."""
    if failed := [f"{check.name} ({check.detail})" for check in checks if not check.passed]:
        raise RegistryError(f"{challenger.said} is better and does not become champion, since its validation failed: {'; '.join(failed)}.")


def _document(champion: "RegisteredModel", challenger: "RegisteredModel", found: "Comparison", *, promoted: bool) -> str:
    from pydantic import TypeAdapter

    evidence = found.evidence
    told = {
        "a": {"model": champion.model.name, "version": champion.model.version},
        "b": {"model": challenger.model.name, "version": challenger.model.version},
        "label_table": found.label_table,
        "later_than": found.later_than,
        "promote": evidence.convincing,
        "promoted": promoted,
        "verdict": evidence.verdict,
        "evidence": evidence.model_dump(mode="json"),
    }
    return TypeAdapter(dict[str, Any]).dump_json(told, indent=1).decode()


def _show(out: Console, champion: "RegisteredModel", challenger: "RegisteredModel", found: "Comparison") -> None:
    from stacks.comparison import moment

    evidence = found.evidence
    out.print(f"[bold]A[/]  {escape(champion.said)}")
    out.print(f"[bold]B[/]  {escape(challenger.said)}")
    which = f"later than {moment(found.later_than)}" if found.later_than else "beside those of the training"
    out.print(f"{evidence.rows:,} rows of {escape(found.label_table)} {which}, which neither was trained on\n")
    out.print(_metrics(evidence))
    drawn = f"{evidence.resampling.resamples:,} resamples of {evidence.resampling.units:,} {evidence.resampling.drawn}"
    out.print(f"[dim]Improvement above 0: B is better. Both on the same {drawn}.[/]")
    if evidence.mcnemar:
        counts = evidence.mcnemar
        alone = f"right in B alone {counts.only_challenger:,} rows, in A alone {counts.only_champion:,}"
        out.print(f"[bold]McNemar[/]  {alone}: {_p(counts.p_value)}")
    if evidence.delong:
        out.print(f"[bold]DeLong[/]   areas differ by {evidence.delong.difference:+.4f}: {_p(evidence.delong.p_value)}")
    if evidence.slices:
        out.print("", _slices(evidence))
    out.print(f"\n{_verdict(evidence)}")


def _p(value: float) -> str:
    return f"p = {value:.4f}" if value >= 0.0001 else "p < 0.0001"


def _metrics(evidence: Evidence) -> Grid:
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("Metric", style="bold")
    for column in ("A", "B", "Improvement", f"{100 * evidence.resampling.confidence:g}% interval"):
        grid.add_column(column, justify="right", no_wrap=True)
    name = f"{evidence.metric}{' (smaller is better)' if lower_is_better(evidence.metric) else ''}"
    grid.add_row(name, f"{evidence.champion:.4f}", f"{evidence.challenger:.4f}", f"{evidence.improvement:+.4f}", _bounds(evidence.interval))
    return grid


def _slices(evidence: Evidence) -> Grid:
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("Slice", style="bold")
    for column in ("Rows", "A", "B", "Improvement", "interval"):
        grid.add_column(column, justify="right", no_wrap=True)
    grid.add_column("")
    for part in evidence.slices:
        values = (f"{value:.4f}" if value is not None else "-" for value in (part.champion, part.challenger))
        gained = "-" if part.improvement is None else f"{part.improvement:+.4f}"
        said = "[yellow]worse[/]" if part.worse else "better" if part.better else "" if part.judged else "[dim]not judged[/]"
        grid.add_row(escape(f"{part.column} {part.value}"), f"{part.rows:,}", *values, gained, _bounds(part.interval), said)
    return grid


def _bounds(interval: Any) -> str:
    return "-" if interval is None else f"{interval.low:+.4f} to {interval.high:+.4f}"


def _verdict(evidence: Evidence) -> str:
    if evidence.convincing:
        worse = [f"{part.column} {part.value}" for part in evidence.slices if part.worse]
        where = f", and worse in {', '.join(worse)}" if worse else ""
        return f"[bold green]PROMOTE[/]  B is better than A{escape(where)}"
    verb, _, doubt = evidence.verdict.partition(", ")
    told = "B is equal to A: a tie does not promote" if verb == "equal" else f"B is {verb} than A{doubt and f', {doubt}'}"
    return f"[bold yellow]KEEP[/]  {told}"
