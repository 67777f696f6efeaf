"""(b) Our Table materializer against ZenML's own pandas materializer, on a local artifact store and without a run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.timing import alternating, medians

ROWS, FEATURES, SEED, REPETITIONS = 300_000, 39, 42, 3


def frame() -> pl.DataFrame:
    """Two keys, a timestamp and 39 features of normal noise, which compresses as little as measured numbers do."""
    generator = np.random.default_rng(SEED)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    keys = {
        "origin": generator.choice(["EWR", "JFK", "LGA"], ROWS),
        "dest": generator.choice([f"D{number:02d}" for number in range(100)], ROWS),
        "known_at": [start + timedelta(seconds=second) for second in range(ROWS)],
    }
    return pl.DataFrame(keys | {f"feature_{number:02d}": generator.normal(size=ROWS) for number in range(FEATURES)})


def compare(folder: Path) -> None:
    """Measure both materializers and print them; `folder` is a new temporary one."""
    from zenml.artifact_stores import LocalArtifactStore, LocalArtifactStoreConfig
    from zenml.enums import StackComponentType
    from zenml.integrations.pandas.materializers import PandasMaterializer

    from materializers.table import TableMaterializer
    from stackhouse.table import Roles, Table

    folder.mkdir()
    now = datetime.now(UTC)
    store = LocalArtifactStore(
        name="benchmark",
        id=uuid4(),
        config=LocalArtifactStoreConfig(path=str(folder)),
        flavor="local",
        type=StackComponentType.ARTIFACT_STORE,
        user=None,
        created=now,
        updated=now,
    )
    data = frame()
    names = tuple(column for column in data.columns if column.startswith("feature_"))
    table = Table.of(data, Roles(primary_keys=("origin", "dest"), timestamp="known_at", features=names), "benchmark")
    pandas = data.to_pandas()
    ours, theirs = (TableMaterializer(str(folder / "ours"), store), PandasMaterializer(str(folder / "theirs"), store))
    (folder / "theirs").mkdir()
    few = ["origin", "feature_00", "feature_38"]
    ours.save(table)
    theirs.save(pandas)
    if not ours.load(Table).collect().to_native().equals(pl.from_pandas(theirs.load(pd.DataFrame)).cast(dict(data.schema))):
        raise RuntimeError("the two materializers do not give equal values")
    times = medians(
        alternating(
            REPETITIONS,
            write=lambda: ours.save(table),
            zenml_write=lambda: theirs.save(pandas),
            read=lambda: ours.load(Table).collect(),
            zenml_read=lambda: theirs.load(pd.DataFrame),
            few=lambda: ours.load(Table).collect(few),
            zenml_few=lambda: theirs.load(pd.DataFrame)[few],
            described=lambda: (ours.compute_content_hash(table), ours.extract_metadata(table), ours.save_visualizations(table)),
            zenml_described=lambda: (theirs.extract_metadata(pandas), theirs.save_visualizations(pandas)),
        )
    )
    _print(times, {name: sum(file.stat().st_size for file in (folder / name).rglob("*.parquet*")) for name in ("ours", "theirs")})


def _print(times: dict[str, float], sizes: dict[str, int]) -> None:
    shape = f"{ROWS:,} rows × {FEATURES + 3} columns (2 keys, 1 timestamp, {FEATURES} float64)"
    print(f"\n(b) table: {shape}, median of {REPETITIONS} alternating")
    print(f"    {'':<44}{'Table':>12}{'pandas':>12}{'faster':>9}")

    def row(title: str, mine: float, other: float, note: str = "") -> None:
        print(f"    {title:<44}{mine:>12.3f}{other:>12.3f}{other / mine:>8.1f}×{note}")

    both, zenml_both = times["write"] + times["read"], times["zenml_write"] + times["zenml_read"]
    row("write + read, s", both, zenml_both, "   aim: 5× or better")
    row("write, s", times["write"], times["zenml_write"])
    row("read all columns into memory, s", times["read"], times["zenml_read"])
    row("read 3 columns, s", times["few"], times["zenml_few"], "   ours opens lazily; ZenML's reads all")
    row("hash, metadata, visualization, s", times["described"], times["zenml_described"], "   ZenML's has no hash")
    print(f"    {'size on disk, MB':<44}{sizes['ours'] / 1e6:>12.1f}{sizes['theirs'] / 1e6:>12.1f}")
