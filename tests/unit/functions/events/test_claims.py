import pytest

from functions.events.claims import claim_of

SAID = b'"source":"tiktok","eventId":"ttk-1"'
BOTH = ("tiktok", "ttk-1")


@pytest.mark.parametrize(
    "text",
    [
        b"{" + SAID + b"}",
        b' {"a":[{"source":"facebook"}],' + SAID + b',"b":{}} ',
        b'{"source":"facebook","eventId":1,' + SAID + b"}",
        b'{"\\u0073ource":"tiktok","eventId":"\\u0074tk-1"}',
        b"{" + SAID + b',"a":NaN}',
        b'{"a":"\t",' + SAID + b"}",
        b'{"a":"\\ud800",' + SAID + b"}",
        b'{\'a\':1,  "source" : "tiktok" , "eventId" : "ttk-1" }',
        b"{" + SAID + b',"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"{" + SAID + b',"a":"' + b"x" * 100_000,
        b"{" + SAID + b',"a":[',
        b'{"a":{"source":"facebook"}' + b",word," + SAID + b",",
    ],
)
def test_an_event_is_known_however_broken_it_is(text: bytes) -> None:
    assert claim_of(text) == BOTH


@pytest.mark.parametrize(
    "text",
    [
        b"", b"1", b"[]", b"null", b"{", b"{}", b"\xff", b"[" + SAID + b"]",
        b'{"source":"snapchat","eventId":""}',
        b'{"source":["tiktok"],"eventId":{"a":1}}',
        b'{"source":"TIKTOK","eventId":"' + b"x" * 201 + b'"}',
        b'{"source":null,"eventId":"\\u0000"}',
        b'{"source":1,"eventId":"\\ud800"}',
        b'{"source":2,"eventId":"\xff"}',
        b'{"a":"' + b"x" * 5000 + b'\t",' + SAID + b"}",
        b'{"eventId":"ttk-',
        b'{"a":{' + SAID + b"},word",
    ],
)  # fmt: skip
def test_what_is_said_of_nothing_is_not_known(text: bytes) -> None:
    assert claim_of(text) == (None, None)


def test_an_id_that_is_cut_off_is_none() -> None:
    assert claim_of(b'{"source":"tiktok","eventId":"ttk-1') == ("tiktok", None)
