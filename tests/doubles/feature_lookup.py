"""The double of FeatureLookup, and the checks of arguments that the whole client shares."""

from datetime import timedelta
from typing import Any

from tests.doubles.delta_catalog import KeptTable


def require(value: Any, name: str, *kinds: type) -> None:
    if not isinstance(value, kinds):
        raise TypeError(f"{name} must be {' or '.join(kind.__name__ for kind in kinds)}, not {type(value).__name__}")


def texts(value: Any, name: str) -> list[str]:
    require(value, name, str, list)
    listed = [value] if isinstance(value, str) else value
    for item in listed:
        require(item, f"an item of {name}", str)
    if len(set(listed)) != len(listed):
        raise ValueError(f"{name} names a column twice: {listed}")
    return list(listed)


def mapping(value: Any, name: str) -> dict[str, Any]:
    require(value, name, dict, type(None))
    for key in value or {}:
        require(key, f"a key of {name}", str)
    return dict(value or {})


def three_levels(name: Any) -> str:
    require(name, "name", str)
    if len(name.split(".")) != 3 or not all(name.split(".")):
        raise ValueError(f"'{name}' is no table of Unity Catalog: catalog.schema.table")
    return name


class FeatureLookup:
    """Features of one table; what can be told without the table is checked here."""

    def __init__(
        self,
        table_name: str,
        lookup_key: str | list[str],
        *,
        feature_names: str | list[str] | None = None,
        rename_outputs: dict[str, str] | None = None,
        timestamp_lookup_key: str | list[str] | None = None,
        lookback_window: timedelta | None = None,
        default_values: dict[str, Any] | None = None,
    ) -> None:
        self.table_name = three_levels(table_name)
        self.lookup_key = texts(lookup_key, "lookup_key")
        self.feature_names = None if feature_names is None else texts(feature_names, "feature_names")
        self.rename_outputs = mapping(rename_outputs, "rename_outputs")
        self.times = [] if timestamp_lookup_key is None else texts(timestamp_lookup_key, "timestamp_lookup_key")
        require(lookback_window, "lookback_window", timedelta, type(None))
        self.lookback_window = lookback_window
        self.default_values = mapping(default_values, "default_values")
        if lookback_window is not None and not self.times:
            raise ValueError("lookback_window needs timestamp_lookup_key")
        if lookback_window is not None and lookback_window <= timedelta(0):
            raise ValueError("lookback_window must be positive")
        if len(self.times) > 1:
            raise ValueError("a table has one column of time; timestamp_lookup_key names more")

    def outputs(self, kept: KeptTable) -> dict[str, str]:
        """The name of the output by feature, checked against the table."""
        existing = [column for column in kept.newest.schema.names if column not in kept.primary_keys]
        names = existing if self.feature_names is None else self.feature_names
        if unknown := [name for name in names if name not in existing]:
            raise ValueError(f"{self.table_name} has no features {unknown}")
        if unknown := [name for name in self.rename_outputs if name not in names]:
            raise ValueError(f"rename_outputs names {unknown}, which are not looked up")
        outputs = {name: self.rename_outputs.get(name, name) for name in names}
        if unknown := [name for name in self.default_values if name not in outputs.values()]:
            raise ValueError(f"default_values names {unknown}, which are no outputs")
        return outputs

    def check_keys(self, kept: KeptTable) -> None:
        """Compare keys and time with those of the table."""
        keys = [key for key in kept.primary_keys if key != kept.timeseries]
        if len(self.lookup_key) != len(keys):
            raise ValueError(f"lookup_key {self.lookup_key} must hold one column for each of {keys}, the column of time left out")
        if kept.timeseries and not self.times:
            raise ValueError(f"{self.table_name} has a column of time: timestamp_lookup_key is needed")
        if self.times and not kept.timeseries:
            raise ValueError(f"{self.table_name} has no column of time: timestamp_lookup_key cannot be given")
        if set(self.times) & set(self.lookup_key):
            raise ValueError("lookup_key must not hold the column of time")
