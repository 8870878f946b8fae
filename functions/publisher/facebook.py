"""Valid Facebook events as JSON text."""

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
from functions.publisher.vocabulary import CITY_BEGINNINGS, CITY_ENDINGS, COUNTRIES, NAMES

_TOP = kinds_of("facebook", "top")
_BOTTOM = kinds_of("facebook", "bottom")

_REFERRERS = ("newsfeed", "marketplace", "groups")
_POSITIONS = ("top_left", "bottom_right", "center")
_DEVICES = ("mobile", "desktop")
_BROWSERS = ("Chrome", "Firefox", "Safari")
_GENDERS = ("male", "female", "non-binary")


def facebook_top(dice: Random, moment: str) -> Generated:
    """Make an event of a user who sees something."""
    counted = pick(_TOP, dice)
    event_type = counted.kind.event_type
    video_id = f'"{draw_uuid(dice)}"' if event_type == "video.view" else "null"
    text = (
        f'{{"eventId":"fb-{draw_uuid(dice)}","timestamp":"{moment}","source":"facebook",'
        f'"funnelStage":"top","eventType":"{event_type}","data":{{"user":{_user(dice)},'
        f'"engagement":{{"actionTime":"{moment}","referrer":"{pick(_REFERRERS, dice)}",'
        f'"videoId":{video_id}}}}}}}'
    )
    return Generated(text, counted)


def facebook_bottom(dice: Random, moment: str) -> Generated:
    """Make an event of a user who clicks or buys something."""
    counted, amount = pick(_BOTTOM, dice), "null"
    if counted.kind.event_type == "checkout.complete":
        counted = draw_sale(counted, 10_00, 1000_00, dice)
        amount = write_amount(counted)
    text = (
        f'{{"eventId":"fb-{draw_uuid(dice)}","timestamp":"{moment}","source":"facebook",'
        f'"funnelStage":"bottom","eventType":"{counted.kind.event_type}",'
        f'"data":{{"user":{_user(dice)},'
        f'"engagement":{{"adId":"ad-{draw_alphanumerics(8, dice)}",'
        f'"campaignId":"camp-{draw_alphanumerics(5, dice)}",'
        f'"clickPosition":"{pick(_POSITIONS, dice)}","device":"{pick(_DEVICES, dice)}",'
        f'"browser":"{pick(_BROWSERS, dice)}","purchaseAmount":{amount}}}}}}}'
    )
    return Generated(text, counted)


def _user(dice: Random) -> str:
    city = pick(CITY_BEGINNINGS, dice) + pick(CITY_ENDINGS, dice)
    return (
        f'{{"userId":"{draw_uuid(dice)}","name":"{pick(NAMES, dice)}",'
        f'"age":{pick_number(18, 65, dice)},"gender":"{pick(_GENDERS, dice)}",'
        f'"location":{{"country":"{pick(COUNTRIES, dice)}","city":"{city}"}}}}'
    )
