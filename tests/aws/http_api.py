"""An HTTP API: it passes HTTP requests to a function as payload 2.0, and returns its answers."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.aws.invoking import a_request
from tests.aws.runtime_api import Failed, Function


@asynccontextmanager
async def http_api(function: Function) -> AsyncIterator[str]:
    """Run in front of a function while the context is open; returns the URL."""
    app = web.Application(client_max_size=6 * 1024**2)

    async def answer(request: web.Request) -> web.Response:
        try:
            given = await function.invoke(await _payload(request))
        except Failed:
            return web.Response(status=502)
        return _response(given)

    app.router.add_route("*", "/{path:.*}", answer)
    # the body is passed on as it is: HTTP APIs decompress nothing
    runner = web.AppRunner(app, shutdown_timeout=0.1, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


async def _payload(request: web.Request) -> dict[str, Any]:
    headers = {
        name.lower(): ",".join(request.headers.getall(name)) for name in set(request.headers)
    }
    return {
        **a_request(
            request.method,
            request.path,
            await request.read(),
            content_type=request.headers.get("Content-Type", ""),
        ),
        "rawQueryString": request.rel_url.raw_query_string,
        "headers": headers,
    }


def _response(given: dict[str, Any]) -> web.Response:
    body = given["body"].encode()
    if given["isBase64Encoded"]:
        body = base64.b64decode(body)
    return web.Response(status=given["statusCode"], headers=given["headers"], body=body)
