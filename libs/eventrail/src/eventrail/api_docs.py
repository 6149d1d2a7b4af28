"""The page about an API, at /docs: Swagger UI served by the service itself, so that it works without internet."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

PAGE = "/docs"
_ASSETS = f"{PAGE}/assets"


def install(app: FastAPI) -> None:
    """Serve `app`'s OpenAPI document as a page at /docs; `app` must be made with `docs_url=None`."""
    folder = Path(fastapi_offline.__file__).with_name("static")
    app.mount(_ASSETS, StaticFiles(directory=folder), name="api-docs-assets")
    page = get_swagger_ui_html(
        openapi_url=app.openapi_url or "/openapi.json",
        title=app.title,
        swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{_ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{_ASSETS}/favicon.png",
    )

    @app.get(PAGE, include_in_schema=False)
    def docs() -> HTMLResponse:
        return page
