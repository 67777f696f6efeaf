"""A person opens a finished run in the dashboard and finds its pages, in a real browser."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support import expected_conditions as expect
from selenium.webdriver.support.ui import WebDriverWait

from tests.conftest import PROJECT
from tests.pipelines.conftest import Runs

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 60
CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")
QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--window-size=1600,1100",
)
PAGES = {
    "certificate": "No feature is later than its label",
    "label_distribution": "high_late_rate",
    "cleaning": "late_rate_7d",
    "evaluation": "Confusion matrix",
    "explanation": "Permutation importance",
    "verdict": "APPROVED",
    "model_card": "mlflow.pyfunc.load_model",
}


@pytest.fixture(scope="module")
def addresses(first_run: Runs) -> Iterator[tuple[str, str]]:
    """The addresses of ZenML and MLflow that `stackhouse dashboard` prints."""
    command = [sys.executable, "-m", "commands.main", "dashboard", "--zenml-port", "0", "--mlflow-port", "0"]
    server = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    lines = [server.stdout.readline() for _ in range(3)]
    found = re.findall(r"http://127\.0\.0\.1:\d+", "".join(lines))
    yield found[0], found[1]
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
    server.stdout.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[WebDriver]:
    if not (CHROMIUM and CHROMEDRIVER):
        pytest.skip("no Chromium with its driver here: `apt-get install chromium chromium-driver`")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    with tempfile.TemporaryDirectory() as profile:
        for argument in (*QUIET, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(CHROMEDRIVER))
        yield driver
        driver.quit()


def test_each_report_of_a_finished_run_shows_its_page(browser: WebDriver, addresses: tuple[str, str], first_run: Runs) -> None:
    wait = WebDriverWait(browser, PATIENCE_SECONDS)
    for artifact, sentence in PAGES.items():
        browser.get(f"{addresses[0]}/projects/default/runs/{first_run.training.id}")
        node = wait.until(expect.presence_of_element_located((By.XPATH, f"//p[text()='{artifact}']")))
        browser.execute_script("arguments[0].click()", node)
        wait.until(expect.element_to_be_clickable((By.XPATH, "//*[@role='dialog']//button[contains(., 'Visualization')]"))).click()
        wait.until(expect.element_to_be_clickable((By.XPATH, "//button[contains(., 'Load Preview')]"))).click()
        wait.until(expect.frame_to_be_available_and_switch_to_it((By.TAG_NAME, "iframe")))
        wait.until(expect.text_to_be_present_in_element((By.TAG_NAME, "body"), sentence))
        browser.switch_to.default_content()


def test_mlflow_serves_the_registered_model(addresses: tuple[str, str]) -> None:
    with urllib.request.urlopen(f"{addresses[1]}/api/2.0/mlflow/registered-models/get?name=dev.first.first", timeout=30) as answer:
        assert b'"champion"' in answer.read()


def test_ending_the_dashboard_ends_both_servers(first_run: Runs) -> None:
    """SIGTERM to the command leaves no server behind that still answers."""
    command = [sys.executable, "-m", "commands.main", "dashboard", "--zenml-port", "0", "--mlflow-port", "0"]
    server = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    lines = "".join(server.stdout.readline() for _ in range(3))
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
    server.stdout.close()
    time.sleep(0.5)
    for address in re.findall(r"http://127\.0\.0\.1:\d+", lines):
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"{address}/health", timeout=2)
