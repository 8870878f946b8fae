"""Examples of deliveries, for the documentation."""

from typing import Final

DESCRIPTION: Final = """\
A delivery of a webhook of developers.tiktok.com or the API for Business, signed with the client \
secret in `TikTok-Signature` over time and raw body. Comments become events, removed and hidden \
ones are retracted, and a withdrawn authorization erases the user. The answer is `200` even if the \
delivery is unreadable, which makes it a dead letter. Texts are not stored."""

EXAMPLES: Final = {
    "application/json": {
        "client_key": "7000000000000000000",
        "event": "comment.update",
        "create_time": 1795010401,
        "user_openid": "-000sampleBusinessOpenId",
        "content": '{"comment_id":7247303576418566913,"comment_action":"insert",'
        '"unique_identifier":"AbCdEf123==","timestamp":1795010400109}',
    }
}
