"""Who may ask: a page of another site must not reach this server through the browser of somebody who runs it."""

import secrets
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "deepsc-token"
# Nothing is loaded from outside, nothing is executed that is not a file of the page.
POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; style-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Answers 403 to whom it does not know, before anything else sees the request.

    Without a token only names of this machine are served: a foreign name that was made to point here (DNS rebinding)
    is refused by its Host header. With a token any name is served, and whoever has no token is refused: it is told
    once in the address and then kept as a cookie. What changes something must come from a page of ours (Origin).
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str], token: str = "") -> None:
        """`hosts`: NAME:PORT that are this machine's; `token`: "" for none."""
        self._app, self._hosts, self._token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, query = Headers(scope=scope), dict(parse_qsl(scope["query_string"].decode("latin-1")))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if self._token and scope["method"] == "GET" and self._right(query.pop("token", "")):
            # out of the address, so that no link and no history has it
            redirect = RedirectResponse(scope["path"] + (f"?{urlencode(query)}" if query else ""), 303)
            redirect.set_cookie(COOKIE, self._token, httponly=True, samesite="lax")
            await redirect(scope, receive, answer)
        elif refusal := self._refusal(scope["method"], headers):
            reply = JSONResponse({"error": refusal, "error_type": "forbidden"}, 403)
            await reply(scope, receive, answer)
        else:
            await self._app(scope, receive, answer)

    def _refusal(self, method: str, headers: Headers) -> str:
        """Why not; "" where there is no reason."""
        host, origin = headers.get("host", ""), headers.get("origin")
        cookies = SimpleCookie(headers.get("cookie", ""))
        if self._token and not (COOKIE in cookies and self._right(cookies[COOKIE].value)):
            return "open the address that `deepsc web` printed, with its token"
        if not self._token and host not in self._hosts:
            return f"this server is not {host}: open the address that `deepsc web` printed"
        if method not in ("GET", "HEAD") and origin is not None and urlsplit(origin).netloc != host:
            return f"a page of {origin} may not ask this server"
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return "a page of another site may not ask this server"
        return ""

    def _right(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), self._token.encode())
