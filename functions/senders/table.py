"""Every sender, a row each: its paths, its adapter, its secrets, its answers.

Routes, settings that have to be there, metrics and documentation follow from it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from functions.senders import Channel
from functions.senders.adapting import Adapter, Call, Trust
from functions.senders.answering import Answer, Explain, Respond, empty
from functions.senders.meta_conversions import adapter as meta_conversions
from functions.senders.meta_conversions import answers as graph
from functions.senders.meta_deletion import adapter as meta_deletion
from functions.senders.meta_deletion import answers as deletion
from functions.senders.meta_webhooks import adapter as meta_webhooks
from functions.senders.meta_webhooks import examples as meta_deliveries
from functions.senders.tiktok_events import adapter as tiktok_events
from functions.senders.tiktok_events import answers as tiktok_api
from functions.senders.tiktok_shop import adapter as tiktok_shop
from functions.senders.tiktok_shop import examples as shop_deliveries
from functions.senders.tiktok_webhooks import adapter as tiktok_webhooks
from functions.senders.tiktok_webhooks import examples as tiktok_deliveries

Handshake = Callable[[Call, Trust], Answer]
"""Answers a platform that asks by GET whether the path is the right one; raises ``BadProof``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The endpoints of real senders.

    Attributes:
        name: Names it in metrics and logs.
        title: What it is, in a few words.
        paths: Where it is called; parameters as in ``runtime.http.request.Endpoints``.
        channel: The channel of its events.
        adapt: Reads a request.
        respond: Answers one that was taken.
        explain: Writes the errors' bodies; None if they are problems (RFC 9457).
        denied: The status of an answer to a request without a good proof.
        secrets: The setting with the secrets that the platform signs with, newest first;
            None if its requests carry an ingest key instead. Without it there are no paths.
        options: Other settings that its adapter needs; without one there are no paths.
        handshake: Answers GET on the same paths.
        description: What a sender has to know, in CommonMark, for the documentation.
        examples: A body of each media type, for the documentation.
    """

    name: str
    title: str
    paths: Sequence[str]
    channel: Channel
    adapt: Adapter
    respond: Respond
    explain: Explain | None = None
    denied: HTTPStatus = HTTPStatus.UNAUTHORIZED
    secrets: str | None = None
    options: Sequence[str] = ()
    handshake: Handshake | None = None
    description: str
    examples: Mapping[str, Any]


SENDERS: Final[Sequence[Sender]] = (
    Sender(
        name="meta_conversions",
        title="Conversions API of Meta",
        paths=("/v{major:int}.{minor:int}/{dataset}/events",),
        channel="meta.conversions",
        adapt=meta_conversions.adapt,
        respond=graph.answer,
        explain=graph.explain,
        description=graph.DESCRIPTION,
        examples=graph.EXAMPLES,
    ),
    Sender(
        name="tiktok_events",
        title="Events API of TikTok, 2.0 and 1.0",
        paths=(
            "/open_api/v{major:int}.{minor:int}/event/track/",
            "/open_api/v{major:int}.{minor:int}/pixel/track/",
            "/open_api/v{major:int}.{minor:int}/pixel/batch/",
        ),
        channel="tiktok.events",
        adapt=tiktok_events.adapt,
        respond=tiktok_api.answer,
        explain=tiktok_api.explain,
        description=tiktok_api.DESCRIPTION,
        examples=tiktok_api.EXAMPLES,
    ),
    Sender(
        name="meta_webhooks",
        title="Webhooks of Meta",
        paths=("/webhooks/meta",),
        channel="meta.webhook",
        adapt=meta_webhooks.adapt,
        respond=empty,
        denied=HTTPStatus.FORBIDDEN,
        secrets="meta_app_secrets",
        options=("meta_verify_token",),
        handshake=meta_webhooks.shake,
        description=meta_deliveries.DESCRIPTION,
        examples=meta_deliveries.EXAMPLES,
    ),
    Sender(
        name="meta_deletion",
        title="Data deletion requests of Meta",
        paths=("/privacy/meta/deletion",),
        channel="meta.webhook",
        adapt=meta_deletion.adapt,
        respond=deletion.answer,
        denied=HTTPStatus.FORBIDDEN,
        secrets="meta_app_secrets",
        options=("public_url",),
        description=deletion.DESCRIPTION,
        examples=deletion.EXAMPLES,
    ),
    Sender(
        name="tiktok_webhooks",
        title="Webhooks of TikTok",
        paths=("/webhooks/tiktok",),
        channel="tiktok.webhook",
        adapt=tiktok_webhooks.adapt,
        respond=empty,
        secrets="tiktok_client_secrets",
        options=("tiktok_signature_tolerance_seconds",),
        description=tiktok_deliveries.DESCRIPTION,
        examples=tiktok_deliveries.EXAMPLES,
    ),
    Sender(
        name="tiktok_shop",
        title="Webhooks of TikTok Shop",
        paths=("/webhooks/tiktok-shop",),
        channel="tiktok.shop",
        adapt=tiktok_shop.adapt,
        respond=empty,
        secrets="tiktok_shop_app_secrets",
        options=("tiktok_shop_app_key",),
        description=shop_deliveries.DESCRIPTION,
        examples=shop_deliveries.EXAMPLES,
    ),
)
