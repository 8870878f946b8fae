"""Valid TikTok events as JSON text."""

from random import Random

from functions.publisher.draw import (
    Generated,
    draw_alphanumerics,
    draw_sale,
    draw_uuid,
    kinds_of,
    pick,
    pick_number,
    write_amount,
)
from functions.publisher.vocabulary import COUNTRIES, ITEMS

_TOP = kinds_of("tiktok", "top")
_BOTTOM = kinds_of("tiktok", "bottom")

_DEVICES = ("Android", "iOS", "Desktop")


def tiktok_top(dice: Random, moment: str) -> Generated:
    """Make an event of a user who watches something."""
    counted = pick(_TOP, dice)
    text = (
        f'{{"eventId":"ttk-{draw_uuid(dice)}","timestamp":"{moment}","source":"tiktok",'
        f'"funnelStage":"top","eventType":"{counted.kind.event_type}",'
        f'"data":{{"user":{_user(dice)},"engagement":{{"watchTime":{pick_number(1, 300, dice)},'
        f'"percentageWatched":{pick_number(0, 100, dice)},"device":"{pick(_DEVICES, dice)}",'
        f'"country":"{pick(COUNTRIES, dice)}","videoId":"{draw_uuid(dice)}"}}}}}}'
    )
    return Generated(text, counted)


def tiktok_bottom(dice: Random, moment: str) -> Generated:
    """Make an event of a user who visits, follows or buys something."""
    counted, profile_id, item, amount = pick(_BOTTOM, dice), "null", "null", "null"
    if counted.kind.event_type == "profile.visit":
        profile_id = f'"{draw_uuid(dice)}"'
    elif counted.kind.event_type == "purchase":
        counted = draw_sale(counted, 5_00, 500_00, dice)
        item, amount = f'"{pick(ITEMS, dice)}"', write_amount(counted)
    text = (
        f'{{"eventId":"ttk-{draw_uuid(dice)}","timestamp":"{moment}","source":"tiktok",'
        f'"funnelStage":"bottom","eventType":"{counted.kind.event_type}",'
        f'"data":{{"user":{_user(dice)},"engagement":{{"actionTime":"{moment}",'
        f'"profileId":{profile_id},"purchasedItem":{item},"purchaseAmount":{amount}}}}}}}'
    )
    return Generated(text, counted)


def _user(dice: Random) -> str:
    return (
        f'{{"userId":"{draw_uuid(dice)}","username":"user_{draw_alphanumerics(8, dice)}",'
        f'"followers":{pick_number(0, 1_000_000, dice)}}}'
    )
