"""What of a job's variables stands in its definition, and what in the secret scope."""

from unittest.mock import Mock

import pytest

from stacks.databricks.job import QUIET
from stacks.databricks.upload import Baggage
from stacks.provenance import LOCK
from stacks.version_control import GIT_SHA


def hidden(variables: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What stands in the definition, and what was put into the scope."""
    client = Mock()
    shown = Baggage(client, "/Shared", "team", "k1").hide_secrets(variables)
    return shown, {call.args[1]: call.kwargs["string_value"] for call in client.secrets.put_secret.call_args_list}


@pytest.mark.parametrize(
    "name",
    [
        "ZENML_STORE_API_TOKEN",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "OPENAI_API_KEY",
        "DB_PASSWORD",
        "DB_PASS",
        "db_pass",
        "PGPASS",
        "SMTP_PWD",
        "GOOGLE_CREDENTIALS",
        "AZURE_STORAGE_KEY",
        "SNOWFLAKE_PRIVATE_KEY",
        "PASSPHRASE",
    ],
)
def test_variable_whose_name_tells_a_secret_stands_in_the_definition_as_a_reference(name: str) -> None:
    key = f"k1-{name.lower().replace('_', '-')}"
    assert hidden({name: "hunter2"}) == ({name: f"{{{{secrets/team/{key}}}}}"}, {key: "hunter2"})


@pytest.mark.parametrize(
    "value",
    ["postgresql://u:hunter2@host/db", "redis://:hunter2@host:6379", "Server=host;Pwd=hunter2", "AccountName=x;AccountKey=hunter2"],
)
def test_variable_whose_value_holds_a_password_is_secret_under_any_name(value: str) -> None:
    shown, kept = hidden({"DATABASE_URL": value})
    assert (shown, kept) == ({"DATABASE_URL": "{{secrets/team/k1-database-url}}"}, {"k1-database-url": value})


OF_EVERY_JOB = {
    **QUIET,
    GIT_SHA: "a" * 40,
    LOCK: "b" * 64,
    "ZENML_ACTIVE_PROJECT_ID": "p",
    "ZENML_ACTIVE_STACK_ID": "s",
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_DISABLE_CREDENTIALS_DISK_CACHING": "true",
    "ZENML_STORE_TYPE": "rest",
    "ZENML_STORE_URL": "https://zenml.example.com:8080",
    "ZENML_STORE_VERIFY_SSL": "True",
}


@pytest.mark.parametrize(
    "variables",
    [
        OF_EVERY_JOB,
        {"PRIMARY_KEY": "customer_id", "STACKHOUSE_KEY": "k1", "KEYS": "a,b", "MONKEY": "x"},
        {"DB_PASSWORD": "{{secrets/other/db}}", "TOKENIZERS_PARALLELISM": "false", "PGPASSWORD": ""},
        {"MLFLOW_URL": "http://host:5000/a:b", "SECRET_SCOPE": "team"},
    ],
    ids=["of every job", "keys", "references and switches", "addresses"],
)
def test_what_is_no_secret_stands_in_the_definition_as_it_is(variables: dict[str, str]) -> None:
    assert hidden(variables) == (variables, {})
