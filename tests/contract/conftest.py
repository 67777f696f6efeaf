"""The adapters of each port. A test in this folder runs against every one of them."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from zenml.enums import StackComponentType

from stacks.delta_feature_store import DeltaFeatureStore, DeltaFeatureStoreConfig
from stacks.feature_store import FeatureStore


def delta(folder: Path) -> DeltaFeatureStore:
    """A delta feature store on a folder."""
    now = datetime.now(UTC)
    return DeltaFeatureStore(
        name="delta",
        id=uuid4(),
        config=DeltaFeatureStoreConfig(path=str(folder)),
        flavor="delta",
        type=StackComponentType.FEATURE_STORE,
        user=uuid4(),
        created=now,
        updated=now,
    )


@pytest.fixture(params=[delta], ids=["delta"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FeatureStore:
    """Each feature store, empty."""
    return request.param(tmp_path / "tables")
