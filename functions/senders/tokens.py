"""Access tokens: where senders of conversions would have a platform's, they have our ingest key."""

from collections.abc import Iterable

from functions.senders.adapting import BadProof, Headers, Trust


def check_token(tokens: Iterable[object], trust: Trust) -> None:
    """Check that one of the tokens is an ingest key, if there are any.

    Args:
        tokens: Those of the request; a value that is not a text is ignored.
        trust: Knows the keys.

    Raises:
        BadProof: There is none, or it is none of the keys.
    """
    if trust.admits is None:
        return
    given = [token for token in tokens if isinstance(token, str) and token]
    if not any(trust.admits(token.encode(errors="replace")) for token in given):
        raise BadProof("mismatch" if given else "missing")


def bearer_of(headers: Headers) -> str:
    """Return the token of the Authorization header; empty if there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
