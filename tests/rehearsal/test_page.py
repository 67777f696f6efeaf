"""The page for people: what it shows, that it is escaped, refreshes itself, and keeps to itself."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import CronSchedule, Task

from rehearsal.emulator.page_graph import graph
from rehearsal.emulator.workspace import Workspace
from tests.rehearsal.job_material import WHEEL, Desk, wait_for, wheel


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def desk(workspace: Workspace, client: WorkspaceClient, environments: Path) -> Iterator[Desk]:
    workspace.jobs.environments = environments
    yield Desk(workspace, client)
    workspace.jobs.stop()


def get(desk: Desk, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{desk.workspace.host}{path}", headers=headers, timeout=20)


def shown(desk: Desk, path: str) -> str:
    answer = get(desk, path)
    assert answer.status_code == 200
    return answer.text


def test_empty_workspace_has_a_page(desk: Desk) -> None:
    page = shown(desk, "/page")
    assert "Nothing to list." in page
    assert "emulated workspace" in page


def test_overview_links_jobs_and_runs_with_their_states(desk: Desk) -> None:
    job_id = desk.job(
        desk.task("a", "fail"), name="nightly", schedule=CronSchedule(quartz_cron_expression="0 0 2 * * ?", timezone_id="UTC")
    )
    run = desk.run(job_id)
    page = shown(desk, "/page")
    assert f'href="/page/jobs/{job_id}"' in page
    assert f'href="/page/runs/{run.run_id}"' in page
    assert "nightly" in page
    assert '<span class="fail">FAILED</span>' in page
    assert re.search(r"0 0 2 \* \* \? \(UTC\), next \d{4}-\d\d-\d\d 02:00:00 UTC", page)


def test_page_of_a_job_shows_its_runs_and_its_definition(desk: Desk) -> None:
    job_id = desk.job(desk.task("a"), variables={"PASSWORD": "{{secrets/team/password}}"})
    run = desk.run(job_id)
    page = shown(desk, f"/page/jobs/{job_id}")
    assert f'href="/page/runs/{run.run_id}"' in page
    assert "&quot;PASSWORD&quot;: &quot;{{secrets/team/password}}&quot;" in page


def test_page_of_a_run_shows_graph_states_parameters_and_logs(desk: Desk) -> None:
    run = desk.run(
        desk.job(
            desk.task("first", "show", "--run", "{{job.run_id}}"),
            desk.task("bad", "fail", after=["first"]),
            desk.task("last", after=["bad"]),
        )
    )
    page = shown(desk, f"/page/runs/{run.run_id}")
    assert page.count("<svg") == 1
    for words in ("SUCCESS", "FAILED", "UPSTREAM_FAILED", "ValueError: the boiler is cold", f"--run {run.run_id}", "1 of 3 succeeded"):
        assert words in page
    assert page.count("<rect") == 3
    assert page.count('<path d="M') == 2
    task = (run.tasks or [])[0]
    log = get(desk, f"/page/runs/{run.run_id}/{task.run_id}/log")
    assert log.headers["content-type"].startswith("text/plain")
    assert log.text == desk.logs(task)


def test_secret_is_on_no_page(desk: Desk) -> None:
    desk.client.secrets.create_scope("team")
    desk.client.secrets.put_secret("team", "password", string_value="planted-password")
    job_id = desk.job(desk.task("a", "tell"), variables={"PASSWORD": "{{secrets/team/password}}"})
    run = desk.run(job_id)
    task = (run.tasks or [])[0]
    for path in ("/page", f"/page/jobs/{job_id}", f"/page/runs/{run.run_id}", f"/page/runs/{run.run_id}/{task.run_id}/log"):
        assert "planted-password" not in shown(desk, path)
        assert desk.workspace.token not in shown(desk, path)
    assert "[REDACTED]" in shown(desk, f"/page/runs/{run.run_id}")


def test_page_comes_again_while_something_is_under_way_and_not_after(desk: Desk) -> None:
    job_id = desk.job(desk.task("a", "hang"))
    assert "refresh" not in get(desk, "/page").headers
    run_id = desk.start(job_id)
    wait_for(lambda: "RUNNING" in shown(desk, f"/page/runs/{run_id}"))
    for path in ("/page", f"/page/jobs/{job_id}", f"/page/runs/{run_id}"):
        assert get(desk, path).headers["refresh"] == "2"
    desk.client.jobs.cancel_run(run_id)
    desk.ended(run_id)
    for path in ("/page", f"/page/jobs/{job_id}", f"/page/runs/{run_id}"):
        assert "refresh" not in get(desk, path).headers


def test_names_logs_and_parameters_are_escaped(desk: Desk) -> None:
    evil = "<script>alert(1)</script>"
    job_id = desk.job(desk.task("a", "show", evil), name=evil)
    desk.upload(WHEEL, wheel(f"def show():\n    raise ValueError({evil!r})\n"))
    run = desk.run(job_id)
    for path in ("/page", f"/page/jobs/{job_id}", f"/page/runs/{run.run_id}"):
        page = shown(desk, path)
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_page_loads_nothing_from_elsewhere(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a")))
    page = shown(desk, f"/page/runs/{run.run_id}")
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_page_takes_no_token_and_only_the_name_of_this_machine(desk: Desk) -> None:
    assert get(desk, "/page", Authorization="Bearer wrong").status_code == 200
    assert get(desk, "/page", Host="evil.example").status_code == 403


@pytest.mark.parametrize("path", ["/page/runs/1", "/page/jobs/1", "/page/runs/1/2/log"])
def test_page_of_what_is_not_there_is_404(desk: Desk, path: str) -> None:
    assert get(desk, path).status_code == 404


@pytest.mark.parametrize("path", ["/page/nothing", "/page/runs/x/y/z", "/pages"])
def test_unknown_page_is_not_served(desk: Desk, path: str) -> None:
    assert get(desk, path).status_code in {401, 404}


def test_requests_to_unknown_routes_are_shown(desk: Desk) -> None:
    requests.get(f"{desk.workspace.host}/api/2.0/nothing", headers={"Authorization": f"Bearer {desk.workspace.token}"}, timeout=10)
    assert "/api/2.0/nothing" in shown(desk, "/page")


def test_attempts_conditions_and_task_values_are_shown(desk: Desk) -> None:
    condition = Task.from_dict({"task_key": "if", "condition_task": {"op": "GREATER_THAN", "left": "2", "right": "1"}})
    run = desk.run(desk.job(desk.task("a", "once", "1", max_retries=1), condition))
    desk.workspace.jobs.runs[run.run_id or 0].values = {"a": {"ok": True}}
    page = shown(desk, f"/page/runs/{run.run_id}")
    assert "a, attempt 2" in page
    assert "&#x27;2&#x27; GREATER_THAN &#x27;1&#x27;: true" in page
    assert "ok = true" in page


def boxes(drawn: str) -> dict[str, tuple[int, int]]:
    found = {}
    for link in ET.fromstring(drawn).iter("a"):
        rect = link.find("rect")
        assert rect is not None
        found[link.attrib["href"].removeprefix("#")] = (int(rect.attrib["x"]), int(rect.attrib["y"]))
    return found


def test_graph_places_each_task_right_of_all_that_it_waits_for() -> None:
    tasks = {"d": ["b", "a"], "b": ["a"], "a": [], "c": []}
    places = boxes(graph(tasks, dict.fromkeys(tasks, ("SUCCESS", ""))))
    assert places["a"][0] == places["c"][0] < places["b"][0] < places["d"][0]
    assert len(set(places.values())) == 4


def test_graph_of_a_long_chain_and_a_wide_fan_is_drawn() -> None:
    chain = {f"t{number}": [f"t{number - 1}"] if number else [] for number in range(1000)}
    assert len(boxes(graph(chain, dict.fromkeys(chain, ("BLOCKED", ""))))) == 1000
    fan = {"first": [], **{f"t{number}": ["first"] for number in range(300)}}
    assert len(set(boxes(graph(fan, dict.fromkeys(fan, ("BLOCKED", "")))).values())) == 301


def test_graph_shortens_a_long_name_and_tells_it_whole() -> None:
    drawn = graph({"x" * 100: []}, {"x" * 100: ("RUNNING", "RUNNING 1 s")})
    assert f"<title>{'x' * 100}: RUNNING</title>" in drawn
    assert f"{'x' * 21}…" in drawn
