"""The smoke suite of a real workspace. NOT RUN BY US: we have none. Whoever has one runs it by setting the variables of docs/databricks.md.

Each test runs in two places. `[emulator]` runs wherever the tests do, and shows that this suite's own code works; it says nothing about
Databricks. `[live]` is the smoke test proper, and is skipped without a workspace. What a test has made it removes.
"""

from collections.abc import Iterator
from contextlib import suppress

import pytest
import yaml
from databricks.sdk.errors import NotFound

from tests.live import places
from tests.live.places import Place
from tests.pipelines.conftest import small_model


@pytest.fixture(scope="module", params=[pytest.param("emulator", marks=pytest.mark.slow), "live"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A workspace with our stack in it, which goes at the end with all that carries its mark."""
    folder = tmp_path_factory.mktemp(str(request.param)) / "smoke"
    if request.param == "live":
        yield from _with_stack(places.live(folder))
        return
    with places.emulator(folder) as found:
        yield from _with_stack(found)


def _with_stack(place: Place) -> Iterator[Place]:
    assert place.work("up") == {"stack": "stackhouse_smoke"}
    try:
        yield place
    finally:
        for table in (f"{place.mark}_features", f"{place.mark}_labels"):
            with suppress(NotFound):
                place.client.tables.delete(f"{place.catalog}.{place.schema}.{table}")
        place.work("remove")


def test_a_file_comes_back_from_the_volume_as_it_was(place: Place) -> None:
    assert place.work("volume") == {"same": True, "listed": ["some file.bin"], "size": 8 * 1024**2, "gone": True}


def test_a_model_is_logged_registered_and_loaded_by_its_alias(place: Place) -> None:
    assert place.work("model") == {"version": "1", "new": True, "metric": 0.5, "tag": "dev", "same": True}


def test_doctor_finds_nothing_wrong_with_the_stack(place: Place) -> None:
    file = place.folder / "smoke.yaml"
    file.write_text(yaml.safe_dump(small_model(place.mark, catalog=place.catalog, schema=place.schema)), encoding="utf-8")
    told = place.command("doctor", "--model-file", str(file))
    assert told.returncode == 0, told.stdout + told.stderr
    assert place.token not in told.stdout + told.stderr


def test_two_steps_run_as_a_job_that_leaves_nothing_behind(place: Place) -> None:
    came = place.work("job")
    assert came == {"status": "completed", "steps": {"load_source": "completed", "compute_features": "completed"}, "rows": 6_099}
    left = [job for job in place.client.jobs.list() if job.settings and "stackhouse_smoke" in str(job.settings.name)]
    assert left == []


def test_feature_tables_are_written_and_read_back_on_the_cluster(place: Place) -> None:
    if place.kind == "emulator":
        pytest.skip("the emulator has no Spark and no FeatureEngineeringClient; its stack keeps features in the delta store")
    came = place.work("features")
    assert came["written"] == [True, False]
    assert came["rows"][0] == came["rows"][1] > 1_000
    found = place.client.tables.get(f"{place.catalog}.{place.schema}.{place.mark}_features")
    keys = [key for constraint in found.table_constraints or [] if (key := constraint.primary_key_constraint)]
    columns = [set(key.child_columns or []) for key in keys]
    assert [found - set(came["keys"]) for found in columns] == [{"known_at"}]  # the column of time is one of the keys there
