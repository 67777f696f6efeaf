"""The adapters of each port. A test in this folder runs against every one of them."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from zenml.enums import StackComponentType

from stacks.delta_feature_store import DeltaFeatureStore, DeltaFeatureStoreConfig
from stacks.feature_store import FeatureStore

SECRET = "this-is-the-secret-key"  # noqa: S105 - of a server that lives as long as the tests
REGION = "eu-central-1"

SERVER = """
import logging
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
application = DomainDispatcherApplication(create_backend_app)
lock = threading.Lock()


def one_after_another(environ, start_response):
    with lock:
        return application(environ, start_response)


server = make_server("127.0.0.1", 0, one_after_another, threaded=True)
print(server.port, flush=True)
server.serve_forever()
"""
"""An S3 server in a process of its own. Between its look at `If-None-Match` and its write moto would let another writer in; S3
itself does not, so requests are answered one after another."""


def delta(path: Path | str, **configuration: str) -> DeltaFeatureStore:
    """A delta feature store on a folder or a bucket."""
    now = datetime.now(UTC)
    return DeltaFeatureStore(
        name="delta",
        id=uuid4(),
        config=DeltaFeatureStoreConfig(path=str(path), **configuration),
        flavor="delta",
        type=StackComponentType.FEATURE_STORE,
        user=uuid4(),
        created=now,
        updated=now,
    )


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server with a bucket `team`."""
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(SERVER)], stdout=subprocess.PIPE, text=True)
    try:
        address = f"http://127.0.0.1:{int(process.stdout.readline())}"
        client = boto3.client("s3", endpoint_url=address, aws_access_key_id="team", aws_secret_access_key=SECRET, region_name=REGION)
        client.create_bucket(Bucket="team", CreateBucketConfiguration={"LocationConstraint": REGION})
        client.close()
        yield address
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A prefix of the bucket that no other test has, with the environment that opens it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    settings = {"AWS_ACCESS_KEY_ID": "team", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": s3_server}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return f"s3://team/{uuid4().hex}"


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a feature store may be: a folder, or a prefix of a bucket on an S3 server."""
    return str(tmp_path / "tables") if request.param == "folder" else request.getfixturevalue("bucket")


@pytest.fixture(params=[delta], ids=["delta"])
def store(request: pytest.FixtureRequest, path: str) -> FeatureStore:
    """Each feature store, empty, in each place."""
    adapter: Callable[[str], FeatureStore] = request.param
    return adapter(path)
