"""Examples of deliveries, for the documentation."""

from typing import Final

DESCRIPTION: Final = """\
A delivery of TikTok Shop, signed in `Authorization` with the app secret over app key and raw \
body. A paid order (`AWAITING_SHIPMENT`) becomes a purchase without an amount, because the \
webhook has none; a cancelled one is retracted. The answer is `200` even if the delivery is \
unreadable, which makes it a dead letter."""

EXAMPLES: Final = {
    "application/json": {
        "type": 1,
        "tts_notification_id": "7327112393057371910",
        "shop_id": "7494049642642441621",
        "timestamp": 1795010402,
        "data": {
            "order_id": "576486316948490001",
            "order_status": "AWAITING_SHIPMENT",
            "update_time": 1795010400,
        },
    }
}
