"""Examples of deliveries, for the documentation."""

from typing import Final

DESCRIPTION: Final = """\
A delivery of a webhook of a Page or an ad account, signed with the app secret in \
`X-Hub-Signature-256` over the raw body. Comments, likes and lead forms become events, removals \
retract them, figures of ad accounts are stored as figures. The answer is `200` even if the \
delivery is unreadable, which makes it a dead letter. Names and texts are not stored."""

EXAMPLES: Final = {
    "application/json": {
        "object": "page",
        "entry": [
            {
                "id": "102030405060708",
                "time": 1795010403,
                "changes": [
                    {
                        "field": "feed",
                        "value": {
                            "item": "comment",
                            "verb": "add",
                            "comment_id": "900100200_555001",
                            "post_id": "102030405060708_900100200",
                            "created_time": 1795010400,
                            "from": {"id": "7700000000000001"},
                        },
                    }
                ],
            }
        ],
    }
}
