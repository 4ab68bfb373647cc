"""No password of a URL is shown, however it is written."""

from __future__ import annotations

import pytest

from analysis.redaction import redacted, redacted_values, without_logins
from analysis.visible import on_one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:s3cret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql+psycopg2://:s3cret@host", "postgresql+psycopg2://:***@host"),
        ("http://me:s3cret%40%2F@host/a?b=c@d", "http://me:***@host/a?b=c@d"),
        ("http://me:s3cr@et:x@host", "http://me:***@host"),
        ("mysql://me:s3c/ret@host/db", "mysql://me:***@host/db"),
        ("https://s3cret@github.com/a/b", "https://***@github.com/a/b"),
        ("postgresql://host/db?user=me&password=s3cret&sslmode=require", "postgresql://host/db?user=me&password=***&sslmode=require"),
        ("postgresql://host/db?sslpassword=s3cret", "postgresql://host/db?sslpassword=***"),
        ("https://host/?access_token=s3cret#x", "https://host/?access_token=***"),
        ("https://host/?X-Amz-Signature=s3cret&a=b", "https://host/?X-Amz-Signature=***&a=b"),
        ("mssql://?odbc_connect=DRIVER%3Dx%3BPWD%3Ds3cret%3BUID%3Dme", "mssql://?odbc_connect=DRIVER%3Dx%3BPWD%3D***%3BUID%3Dme"),
        ("https://h/?next=postgresql%3A%2F%2Fme%3As3cret%40host", "https://h/?next=postgresql%3A%2F%2Fme%3A***%40host"),
        ("host=h user=me password=s3cret dbname=d", "host=h user=me password=*** dbname=d"),
        ("connect('h', password='s3 cret')", "connect('h', password=***)"),
        ("two: a://u:s3cret@h, b://u:s3cret@h", "two: a://u:***@h, b://u:***@h"),
        ("'sweep.storage=\"postgresql://u:s3cret@h/d\"'", "'sweep.storage=\"postgresql://u:***@h/d\"'"),
    ],
)  # fmt: skip
def test_passwords_are_hidden(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted(shown) == shown
    assert redacted_values({"a": [text, 1, None], "b": (text,)}) == {"a": [shown, 1, None], "b": [shown]}


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///mlflow.db",
        "http://localhost:5000/#/experiments/1",
        "postgresql://me@host/db?sslmode=require",
        "sweep.metric=token_accuracy",
        "data.template={text}, tokens_per_s=3",
        "+training.kwargs.eos_token=<eos> lora.r=8",
        "file:///a/b@c:d",
        "10 % of a@b.c",
        "?design=blue&monkey=3",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert redacted(text) == text


def test_control_characters_are_shown() -> None:
    assert visible("a\x1b[31mb\x07\r\u202ec\nd\té") == "a\\x1b[31mb\\x07\\r\\u202ec\nd\té"
    assert on_one_line("a\r\nb\tc\x1b") == "a b c\\x1b"


@pytest.mark.parametrize(
    "text",
    [
        "http://bob:QQQ/PLANT@127.0.0.1:9/",
        "http://bob:QQQ#PLANT@127.0.0.1:9/",
        "http://bob:QQ PLANT@127.0.0.1:9/",
        "postgresql://u:PL ANT PLANT@h/db",
        "http://bob:1234PLANT@h/",
        "http://127.0.0.1:9/?auth=PLANT&pass=PLANT",
        "PGPASSWORD=PLANT",
        "{'password': 'PLANT'}",
        "tracking.password=PLANT",
        "Authorization: Bearer PLANT",
    ],
)
def test_what_people_type_all_the_same(text: str) -> None:
    assert "PLANT" not in redacted(text) and "***" in redacted(text)


@pytest.mark.parametrize("text", ["http://host:5000/a@b", "see http://127.0.0.1:9 and mail a@b.c", "sqlite:///x.db"])
def test_what_is_no_password_stays(text: str) -> None:
    assert redacted(text) == text


def test_a_prompt_is_trained_with_as_it_is() -> None:
    config = {"data": {"template": "password={text} token: x", "path": "http://me:secret@host/rows"}}
    kept = without_logins(config)["data"]
    assert kept == {"template": config["data"]["template"], "path": "http://me:***@host/rows"}
