import pytest

from runtime.cli.psql import variables_of

_PARAMETERS = (
    "sslmode=verify-full&sslrootcert=ca.pem&password=p"
    "&connect_timeout=3&application_name=x&target_session_attrs=read-write"
)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "postgresql://me:it%27s%40@db.example.com:6432/my%20db",
            {"HOST": "db.example.com", "PORT": "6432", "USER": "me", "PASSWORD": "it's@"}
            | {"DATABASE": "my db"},
        ),
        ("postgres://db/events", {"HOST": "db", "DATABASE": "events"}),
        ("postgresql://[::1]:5433/e", {"HOST": "::1", "PORT": "5433", "DATABASE": "e"}),
        (
            f"postgresql://me@one:1,two/e?{_PARAMETERS}",
            {"HOST": "one,two", "PORT": "1,", "USER": "me", "PASSWORD": "p", "DATABASE": "e"}
            | {"SSLMODE": "verify-full", "SSLROOTCERT": "ca.pem", "CONNECT_TIMEOUT": "3"}
            | {"APPNAME": "x", "TARGETSESSIONATTRS": "read-write"},
        ),
    ],
)  # fmt: skip
def test_a_url_is_passed_to_libpq(url: str, told: dict[str, str]) -> None:
    assert variables_of(url) == {f"PG{name}": text for name, text in told.items()}
