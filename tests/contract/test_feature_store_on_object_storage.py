"""What a feature store on S3 promises beside the port, which `test_feature_store.py` runs there as well."""

import threading
import time
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import polars as pl
import pytest
from botocore.exceptions import ClientError
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from pydantic import ValidationError
from zenml.client import Client

from stackhouse.errors import InfrastructureError
from stackhouse.table import Roles, Table
from stacks.delta.writing import THIS_VERSION_ONLY
from stacks.delta_feature_store import DeltaFeatureStoreConfig
from stacks.engines import engine_of
from tests.contract.conftest import REGION, SECRET, delta
from tests.contract.test_feature_store import NAME, at, routes, rows

REFUSAL = f"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>SignatureDoesNotMatch</Code><Message>The secret {SECRET} is not that of team.</Message></Error>"""


class Refusing(BaseHTTPRequestHandler):
    """Answers each request as S3 does where the credentials are wrong, and shows the secret, as S3 does not."""

    def refuse(self) -> None:
        body = REFUSAL.encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = refuse  # noqa: N815 - names that the base class calls

    def log_message(self, *arguments: object) -> None:
        """Keep the output of the tests clean."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """The address of a server that refuses."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def said(error: BaseException) -> str:
    """Everything that a log would show of an error: the chain of its causes, each as text and as representation."""
    chain, current = [], error
    while current is not None:
        chain += [str(current), repr(current)]
        current = current.__cause__ or current.__context__
    return "\n".join([*chain, *traceback.format_exception(error)])


def test_a_server_refuses_to_create_what_is_there_already(bucket: str, s3_server: str) -> None:
    """What makes a commit on S3 safe: `If-None-Match: *`. A server without it would lose writes in silence."""
    client = boto3.client("s3", endpoint_url=s3_server, region_name=REGION)
    key = f"{bucket.rpartition('/')[2]}/once"
    client.put_object(Bucket="team", Key=key, Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(Bucket="team", Key=key, Body=b"second", IfNoneMatch="*")
    client.close()


def test_two_that_read_the_same_version_do_not_both_commit(bucket: str) -> None:
    store = delta(bucket)
    store.create_table(NAME, routes(("A", 1, 0.1)), "late rate of a route")
    first, second = store.location.open(NAME), store.location.open(NAME)
    data = routes(("A", 1, 0.1)).collect().to_native().to_arrow(compat_level=pl.CompatLevel.oldest())
    write_deltalake(first, data, mode="append", commit_properties=THIS_VERSION_ONLY)
    with pytest.raises(CommitFailedError):
        write_deltalake(second, data, mode="append", commit_properties=THIS_VERSION_ONLY)
    assert rows(store.read_table(NAME)) == [("A", 1, 0.1)]


def test_a_table_larger_than_one_part_of_an_upload_arrives(bucket: str) -> None:
    numbers = pl.DataFrame({"route": range(250_000)}).with_columns(pl.lit(at(1)).alias("known_at"))
    values = numbers.with_columns(*(pl.col("route").hash(seed).cast(pl.Float64).alias(f"f{seed}") for seed in range(8)))
    roles = Roles(primary_keys=("route",), timestamp="known_at", features=tuple(f"f{seed}" for seed in range(8)))
    store, table = delta(bucket), Table.of(values, roles, "values")
    store.create_table(NAME, table, "values of a route")
    assert store.write_table(NAME, table).rows == 250_000
    assert (
        sum(DeltaTable(store.location.uri(NAME), storage_options=dict(store.location.options)).get_add_actions()["size_bytes"].to_pylist())
        > 1.2e7
    )
    assert not store.write_table(NAME, table, "overwrite").written


@pytest.mark.parametrize("engine", ["polars", "duckdb", "pandas"])
def test_an_engine_opens_tables_of_a_bucket(bucket: str, engine: str) -> None:
    store = delta(bucket, engine=engine)
    table = routes(("A", 1, 0.1), ("B", 2, 0.2))
    store.create_table(NAME, table, "late rate of a route")
    store.write_table(NAME, table)
    store.write_table(NAME, routes(("C", 3, 0.3)))
    opened = store.read_table(NAME)
    assert engine_of(opened).name == engine
    assert rows(opened) == [("A", 1, 0.1), ("B", 2, 0.2), ("C", 3, 0.3)]
    assert rows(store.read_table(NAME, 1)) == [("A", 1, 0.1), ("B", 2, 0.2)]
    assert not store.write_table(NAME, opened, "overwrite").written


def test_spark_on_a_bucket_is_refused_saying_what_to_do(bucket: str) -> None:
    table = routes(("A", 1, 0.1))
    delta(bucket).create_table(NAME, table, "late rate of a route")
    with pytest.raises(InfrastructureError, match=r"Spark cannot open s3://team/.*Set the engine .* to polars, duckdb or pandas"):
        delta(bucket, engine="spark").read_table(NAME)


@pytest.mark.parametrize("method", ["create", "read", "write"])
def test_an_address_without_server_is_named_in_time_without_credentials(bucket: str, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(InfrastructureError, match=rf"{NAME} .* in {bucket}: .*Nothing was changed") as refused:
        called(method, bucket)
    assert time.monotonic() - began < 20
    assert SECRET not in said(refused.value)


@pytest.mark.parametrize("method", ["create", "read", "write"])
def test_a_bucket_that_refuses_is_named_without_credentials(
    bucket: str, refusing: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", refusing)
    with pytest.raises(InfrastructureError, match=rf"{NAME} .* in {bucket}: .*(403|denied|Forbidden|SignatureDoesNotMatch)") as refused:
        called(method, bucket)
    assert SECRET not in said(refused.value)
    assert "team/" not in repr(delta(bucket).location.options.get("AWS_ACCESS_KEY_ID"))


def called(method: str, bucket: str) -> None:
    store, table = delta(bucket), routes(("A", 1, 0.1))
    if method == "create":
        store.create_table(NAME, table, "late rate of a route")
    if method == "write":
        store.write_table(NAME, table)
    if method == "read":
        store.read_table(NAME)


def test_a_bucket_that_does_not_exist_is_named(bucket: str) -> None:
    with pytest.raises(InfrastructureError, match=r"in s3://nobody/tables: .*NoSuchBucket"):
        delta("s3://nobody/tables").create_table(NAME, routes(("A", 1, 0.1)), "late rate of a route")


def test_credentials_and_address_are_taken_from_the_configuration_before_the_environment(
    bucket: str, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys are references to a ZenML secret; what the environment holds is of somebody else."""
    client = Client()
    client.create_secret("stackhouse_s3", {"id": "team", "key": SECRET})
    settings = {
        "endpoint_url": s3_server,
        "region": REGION,
        "access_key_id": "{{stackhouse_s3.id}}",
        "secret_access_key": "{{stackhouse_s3.key}}",
    }
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_REGION": "us-west-2",
        "AWS_SESSION_TOKEN": "x",
        "AWS_SECRET_ACCESS_KEY": "of another",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        store = delta(bucket, **settings)
        store.create_table(NAME, routes(("A", 1, 0.1)), "late rate of a route")
        options = store.config.storage_options()
        assert (options["AWS_SECRET_ACCESS_KEY"], options["AWS_ENDPOINT_URL"], options["AWS_REGION"]) == (SECRET, s3_server, REGION)
        assert "AWS_SESSION_TOKEN" not in options
        assert SECRET not in repr(store) + repr(store.config) + repr(store.location) + str(store.config.model_dump())
    finally:
        client.delete_secret("stackhouse_s3")


@pytest.mark.parametrize("name", ["access_key_id", "secret_access_key"])
def test_credentials_in_clear_text_are_refused_and_not_shown(name: str) -> None:
    with pytest.raises(ValidationError, match=rf"{name} must not stand here in clear text: name a ZenML secret") as refused:
        DeltaFeatureStoreConfig(path="s3://team/tables", **{name: SECRET})
    assert SECRET not in said(refused.value)


@pytest.mark.parametrize("path", ["gs://team/tables", "s3://", "s3:///tables", "s3://Team/tables", "https://team.s3.amazonaws.com"])
def test_a_path_that_is_neither_folder_nor_bucket_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match=r"is no folder and no s3://bucket/prefix"):
        DeltaFeatureStoreConfig(path=path)


def test_an_unknown_engine_is_refused_naming_those_there_are() -> None:
    with pytest.raises(ValidationError, match="there is no engine 'dask'; there are polars, duckdb, pandas, spark"):
        DeltaFeatureStoreConfig(path="tables", engine="dask")


def test_only_a_folder_is_local() -> None:
    assert DeltaFeatureStoreConfig(path="tables").is_local
    assert not DeltaFeatureStoreConfig(path="s3://team/tables").is_local


def test_an_encrypted_connection_is_the_rule(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert delta(bucket).location.options["AWS_ALLOW_HTTP"] == "true"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://s3.example.org")
    assert "AWS_ALLOW_HTTP" not in delta(bucket).location.options
    assert delta("tables").location.options == {}
