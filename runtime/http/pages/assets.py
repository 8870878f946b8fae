"""The pages' style sheet and script, under names that change with their bytes."""

from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Final

from runtime.http.request import Endpoint, Endpoints, Request
from runtime.http.responses import Response

_FOLDER: Final = Path(__file__).parent / "assets"
_FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file.

    Attributes:
        path: Its address, which changes with its bytes.
    """

    path: str
    body: bytes
    content_type: str

    @classmethod
    def read(cls, name: str, content_type: str) -> "Asset":
        """Read a file from the folder."""
        body = (_FOLDER / name).read_bytes()
        stem, _, ending = name.rpartition(".")
        return cls(f"/assets/{stem}-{sha256(body).hexdigest()[:16]}.{ending}", body, content_type)


STYLE: Final = Asset.read("page.css", "text/css; charset=utf-8")
SCRIPT: Final = Asset.read("page.js", "text/javascript; charset=utf-8")


def asset_endpoints() -> Endpoints:
    """Make the files' endpoints; they are open, since they hold nobody's data."""
    return {asset.path: ("GET", _always(asset)) for asset in (STYLE, SCRIPT)}


def _always(asset: Asset) -> Endpoint:
    headers = {
        "Cache-Control": _FOREVER,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    kept = Response(HTTPStatus.OK, asset.body, asset.content_type, headers)

    async def get_asset(_request: Request) -> Response:
        return kept

    return get_asset
