"""The pipeline's state over HTTP."""

import asyncio
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from functions.reporter.pipeline import Pipeline, PipelineFigures, handle_pipeline, to_json
from runtime.http.negotiation import VARY
from runtime.http.request import Endpoints, Request
from runtime.http.responses import Response

_FRESH_SECONDS: Final = 2.0
"""How long figures are reused: collectors measure every five seconds, and a page that is
open in ten tabs should query the database no more often than one."""


def pipeline_endpoints(pipeline: Pipeline) -> Endpoints:
    """Make the endpoint of ``GET /pipeline``."""

    async def get_pipeline(request: Request) -> Response:
        report, _ = await handle_pipeline(request.params, pipeline=pipeline, now=datetime.now(UTC))
        return Response(
            HTTPStatus.OK, to_json(report), headers={**VARY, "Cache-Control": "no-store"}
        )

    return {"/pipeline": ("GET", get_pipeline)}


class SharedPipeline:
    """Shares one look among all callers within two seconds; implements ``Pipeline``.

    Args:
        pipeline: Takes the figures.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._look: asyncio.Task[PipelineFigures] | None = None
        self._at = 0.0

    async def look(self) -> PipelineFigures:
        """Return current figures, or slightly older ones; see ``Pipeline``."""
        if self._look is None or (self._look.done() and self._is_old()):
            self._at = time.monotonic()
            self._look = asyncio.create_task(self._pipeline.look())
            self._look.add_done_callback(_seen)
        return await asyncio.shield(self._look)

    def _is_old(self) -> bool:
        return time.monotonic() - self._at > _FRESH_SECONDS


def _seen(look: asyncio.Task[PipelineFigures]) -> None:
    """Retrieve the task's error, since its callers may be gone."""
    if not look.cancelled():
        look.exception()
