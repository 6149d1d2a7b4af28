"""`GET /s.js` and `/s.<digest>.js`: the browser script, for any page."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.browser_script import AS_IT_IS, BrowserScript, Shelf, coding_for, is_known
from collector.receipts import whole
from collector.refusals import Refused
from eventrail import logs

_log = logs.get(__name__)

PREFIX: Final = "/s."
"""Of all paths here. They carry no secret, so every page may read them, and their answers are the same for each."""

_BY_NAME: Final = "public, max-age=3600, stale-while-revalidate=86400"
_BY_DIGEST: Final = "public, max-age=31536000, immutable"
_FOR_ALL: Final = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
}
_NOT_BUILT: Final = (
    "the browser script was not built here: EVENTRAIL_COLLECTOR_SCRIPT has to name the folder that "
    "`npm run build` in sdk/ fills"
)


class Script:
    """The two routes over one shelf; what is missing is logged once."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._told = False

    def routes(self) -> list[Route]:
        """The routes, for an application's router."""
        return [Route("/s.js", self.by_name), Route("/s.{digest}.js", self.by_digest)]

    async def by_name(self, request: Request) -> Response:
        """The current version, under a name that stays."""
        if self._shelf.current is None:
            return self._not_built()
        return _answer(request, self._shelf.current, _BY_NAME)

    async def by_digest(self, request: Request) -> Response:
        """One version for ever, as far as it is here."""
        if self._shelf.current is None:
            return self._not_built()
        script = self._shelf.by_digest.get(request.path_params["digest"])
        if script is None:
            return _missing(
                f"there is no such version of the script; it is /s.{self._shelf.current.digest}.js"
            )
        return _answer(request, script, _BY_DIGEST)

    def _not_built(self) -> Response:
        if not self._told:
            self._told = True
            _log.warning("a page asked for /s.js: " + _NOT_BUILT)
        return _missing(_NOT_BUILT)


def _answer(request: Request, script: BrowserScript, caching: str) -> Response:
    headers = {
        **_FOR_ALL,
        "cache-control": caching,
        # Weak: it is the same for each coding.
        "etag": f'W/"{script.digest}"',
        "vary": "Accept-Encoding",
    }
    if is_known(request.headers.get("if-none-match", ""), script.digest):
        return Response(status_code=304, headers=headers)
    coding = coding_for(request.headers.get("accept-encoding", ""), script)
    body = script.forms[coding]
    if coding != AS_IT_IS:
        headers["content-encoding"] = coding
    headers["content-length"] = str(len(body))
    shown = b"" if request.method == "HEAD" else body
    return Response(shown, headers=headers, media_type="text/javascript")


def _missing(message: str) -> Response:
    return Response(
        whole(Refused("not_found", message)),
        status_code=404,
        headers={**_FOR_ALL, "cache-control": "no-store"},
        media_type="application/json",
    )
