"""Names that tell a credential, texts that hold one, and texts without."""

import pytest

from stackhouse.passwords import gives_password, names_secret, without_userinfo


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "DB_PASS",
        "pgpass",
        "passwort",
        "PASSPHRASE",
        "SMTP_PWD",
        "client_secret",
        "tracking_token",
        "GOOGLE_CREDENTIALS",
        "API_KEY",
        "apikey",
        "AWS_ACCESS_KEY_ID",
        "AZURE_STORAGE_KEY",
        "SNOWFLAKE_PRIVATE_KEY",
        "private_key_path",
        "STRIPE_KEY",
        "COSMOS_PRIMARY_KEY",
    ],
)
def test_name_of_a_credential_is_secret(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize(
    "name", ["key", "keys", "MONKEY", "primary_key", "PRIMARY_KEY", "stackhouse_key", "public_key", "secret_scope", "user"]
)
def test_other_names_are_not_secret(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize(
    "text", ["postgresql://u:p@h/d", "redis://:p@h", "dbname=d password=p", "Pwd = p", "https://h/x?sig=p", "AccountKey=p"]
)
def test_text_with_a_password_is_told(text: str) -> None:
    assert gives_password(text)


@pytest.mark.parametrize("text", ["https://h:8080/d", "https://u@h/d", "s3://bucket/a:b/c", "/a/b@c:d", "password", "password="])
def test_text_without_a_password_is_none(text: str) -> None:
    assert not gives_password(text)


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("http://me:p@h:5000/a", "http://h:5000/a"),
        ("http://me:p/w@h/a", "http://h/a"),
        ("http://me@h", "http://h"),
        ("postgresql://:p@h/d", "postgresql://h/d"),
        ("http://h:5000/a", "http://h:5000/a"),
        ("http://h:5000/Users/me@work", "http://h:5000/Users/me@work"),
        ("'http://me:p@h' and 'http://h'", "'http://h' and 'http://h'"),
        ("/home/me@work", "/home/me@work"),
    ],
)
def test_uri_is_shown_without_user_and_password(text: str, without: str) -> None:
    assert without_userinfo(text) == without
