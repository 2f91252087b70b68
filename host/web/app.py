"""Which address answers what.

    GET    /                              the page; its other files are below /page/
    GET    /api/options                   what can be chosen
    POST   /api/recordings                a recording as the body -> source
    GET    /api/recordings/ID             its file
    POST   /api/runs                      options of a run (`wish`) -> id
    GET    /api/runs/ID/events            what happens in it, as server-sent events, from its beginning
    DELETE /api/runs/ID                   stop it
    GET    /api/runs/ID/files/NAME        what can be downloaded of it
    GET    /api/live                      where the flowgraph's links are
    GET    /api/live/events               its results, as server-sent events
    GET    /api/live/spectrum             its spectra, the same way
    GET    /api/live/speech/NAME          the speech of a result
    POST   /api/live/utterances           a recording to be sent into it

Errors are {"error": a sentence, "error_type": a word}.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gr_deepsc.speech.audio import LONGEST_S, MAX_RECORDING_S, AudioError
from gr_deepsc.voice.synthesizer import Synthesizer

from ..errors import HostError
from . import views, wish
from .events import Events
from .files import TYPES
from .live import Live
from .recordings import LARGEST, Recordings, Source, TooLargeError
from .runs import BusyError, Run, Runs

PAGE = Path(str(resources.files(__package__) / "page"))
LONGEST_REQUEST = 100_000  # bytes of a run's options
TOO_LARGE = f"a recording may have {LARGEST >> 20} MB at most; make it shorter, or a flac or ogg of it"


class Application:
    """The routes, over the recordings and the runs."""

    def __init__(self, recordings: Recordings, runs: Runs, live: Live, model: str, users: list[int]) -> None:
        """`model`: the default; `users`: who has a voice."""
        self._recordings, self._runs, self._live, self._model, self._users = recordings, runs, live, model, users

    def starlette(self) -> Starlette:
        """As the server runs it."""

        @asynccontextmanager
        async def life(app: Starlette) -> AsyncIterator[None]:
            self._runs.start()
            self._live.start()
            yield
            self._runs.close()
            self._live.close()

        routes = [
            Route("/", lambda request: FileResponse(PAGE / "index.html")),
            Mount("/page", StaticFiles(directory=PAGE)),
            Route("/api/options", self._options),
            Route("/api/recordings", self._upload, methods=["POST"]),
            Route("/api/recordings/{id}", self._recording),
            Route("/api/runs", self._ask, methods=["POST"]),
            Route("/api/runs/{id}", self._stop, methods=["DELETE"]),
            Route("/api/runs/{id}/events", self._events),
            Route("/api/runs/{id}/files/{name}", self._file),
            Route("/api/live", self._links),
            Route("/api/live/events", self._results),
            Route("/api/live/spectrum", self._spectra),
            Route("/api/live/speech/{name}", self._speech),
            Route("/api/live/utterances", self._send, methods=["POST"]),
        ]
        return Starlette(routes=routes, lifespan=life, exception_handlers={HTTPException: _refused})

    async def _options(self, request: Request) -> Response:
        return JSONResponse(
            {
                "choices": wish.choices(self._model),
                "defaults": wish.defaults(),
                "samples": [_told(source) | {"path": str(source.path)} for source in self._recordings.samples.values()],
                "users": self._users,
                "limits": {"bytes": LARGEST, "seconds": MAX_RECORDING_S, "utterance_s": LONGEST_S},
            }
        )

    async def _upload(self, request: Request) -> Response:
        name = unquote(request.headers.get("x-name", ""))[:100] or "recording"
        try:
            return JSONResponse(_told(await self._recordings.take(request.stream(), name)))
        except TooLargeError:
            return _error(413, TOO_LARGE, "too_large")
        except TimeoutError:
            return _error(408, "the upload took too long: try it again", "timeout")
        except ClientDisconnect:
            return _error(400, "the upload broke off", "disconnected")
        except AudioError as error:
            return _error(415, str(error), error.error_type)

    async def _recording(self, request: Request) -> Response:
        source = self._source(request.path_params["id"])
        return FileResponse(source.path, filename=source.name, content_disposition_type="inline")

    async def _ask(self, request: Request) -> Response:
        try:
            asked = json.loads(await _short(request))
            wanted = wish.parse(asked, self._model)
        except (ValueError, HostError) as error:
            return _error(400, str(error), "bad_request")
        source = self._source(wanted.source)
        try:
            run = self._runs.ask(wanted, source)
        except BusyError as error:
            return _error(503, str(error), "busy")
        return JSONResponse({"id": run.id, "source": _told(source)}, 201)

    async def _stop(self, request: Request) -> Response:
        self._run(request).stop.set()
        return Response(status_code=204)

    async def _events(self, request: Request) -> Response:
        return _stream(self._run(request).events, request)

    async def _file(self, request: Request) -> Response:
        run, name = self._run(request), request.path_params["name"]
        if name not in run.files:
            raise HTTPException(404, "there is no such file, or it is gone: run it again")
        inline = "attachment" if "download" in request.query_params else "inline"
        path = run.files[name]
        return FileResponse(path, media_type=TYPES[path.suffix], filename=name, content_disposition_type=inline)

    async def _links(self, request: Request) -> Response:
        return JSONResponse(self._live.links._asdict() | {"curve_key": bool(self._live.links.curve_key)})

    async def _results(self, request: Request) -> Response:
        return _stream(self._live.events, request)

    async def _spectra(self, request: Request) -> Response:
        async def lines() -> AsyncIterator[str]:
            last = None
            while not self._live.events.over:
                if (newest := self._live.spectrum) and newest != last:
                    last = newest
                    yield f"event: spectrum\ndata: {json.dumps(views.spectrum(newest[1]))}\n\n"
                await asyncio.sleep(0.05)

        return StreamingResponse(lines(), media_type="text/event-stream")

    async def _speech(self, request: Request) -> Response:
        gone = "this speech is not here, or not any more"
        return FileResponse(_known(self._live.files.__getitem__, request.path_params["name"], gone))

    async def _send(self, request: Request) -> Response:
        try:
            source, user_id = wish.speech(json.loads(await _short(request)))
            told = await asyncio.to_thread(self._live.send, self._source(source), user_id)
        except AudioError as error:
            return _error(415, str(error), error.error_type)
        except (ValueError, HostError) as error:
            return _error(400, str(error), "bad_request")
        return JSONResponse(told, 202)

    def _run(self, request: Request) -> Run:
        return _known(self._runs.__getitem__, request.path_params["id"], "this run is gone: run it again")

    def _source(self, id: str) -> Source:
        gone = "this recording is not here, or not any more: choose it again"
        return _known(self._recordings.__getitem__, id, gone)


def users(voices: str) -> list[int]:
    """Who has a voice; errors as of `Synthesizer`."""
    return list(Synthesizer(voices).users)


def _stream(events: Events, request: Request) -> Response:
    """What happens as server-sent events; behind those that the browser has seen, where it was cut off."""
    last = request.headers.get("last-event-id", "")
    first = int(last) + 1 if last.isdecimal() and len(last) < 9 else 0

    async def lines() -> AsyncIterator[str]:
        async for item in events.follow(first):
            if item is None:
                yield ": still here\n\n"
            else:
                number, event = item
                yield f"id: {number}\nevent: {event.name}\ndata: {json.dumps(event.data)}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


def _known(get: Callable[[str], Any], id: str, otherwise: str) -> Any:
    try:
        return get(id)
    except KeyError:
        raise HTTPException(404, otherwise) from None


def _told(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "name": source.name,
        "text": source.text,
        "seconds": round(source.seconds, 2),
        "utterances": source.utterances,
    }


async def _short(request: Request) -> bytes:
    """The body, of no more than a person can have asked for."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_REQUEST:
            raise HostError("too many words for a run's options")
    return body


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, error.detail, "not_found" if error.status_code == 404 else "refused")


def _error(status: int, sentence: str, word: str) -> Response:
    return JSONResponse({"error": sentence, "error_type": word}, status)
