"""The smoke suite asks for a whole workspace: none is a skip with its reason, half of one is a failure, and no token is shown."""

from pathlib import Path

import pytest

from tests.live.places import DEFAULTS, NEEDED, PREFIX, live


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NEEDED, *DEFAULTS):
        monkeypatch.delenv(PREFIX + name, raising=False)


def test_without_a_workspace_the_suite_is_skipped_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match="no workspace: STACKHOUSE_LIVE_HOST"):
        live(tmp_path)


def test_half_a_workspace_fails_and_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKHOUSE_LIVE_HOST", "https://dbc-1.cloud.databricks.com")
    monkeypatch.setenv("STACKHOUSE_LIVE_TOKEN", "dapi-planted")
    with pytest.raises(pytest.fail.Exception, match="STACKHOUSE_LIVE_CATALOG, STACKHOUSE_LIVE_SCHEMA") as caught:
        live(tmp_path)
    assert "dapi-planted" not in str(caught.value)


def test_a_whole_workspace_has_defaults_and_hides_its_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        monkeypatch.setenv(PREFIX + name, f"planted-{name}")
    place = live(tmp_path)
    assert (place.kind, place.host, place.catalog, place.volume) == ("live", "planted-HOST", "planted-CATALOG", "artifacts")
    assert place.runtime == "16.4.x-cpu-ml-scala2.12"
    assert place.environment()["ZENML_STORE_URL"] == "planted-ZENML_URL"
    assert "planted-TOKEN" not in repr(place)
    assert "planted-ZENML_API_KEY" not in repr(place)
