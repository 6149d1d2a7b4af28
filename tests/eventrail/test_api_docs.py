import re

import httpx
from fastapi import FastAPI

from eventrail import api_docs


async def test_the_page_loads_nothing_from_elsewhere() -> None:
    app = FastAPI(docs_url=None, redoc_url=None)
    api_docs.install(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        page = await client.get("/docs")
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        answers = [await client.get(link) for link in links]
    assert page.status_code == 200
    assert len(links) == 3
    assert all(link.startswith("/docs/assets/") for link in links)
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "http://" not in page.text
    assert "https://" not in page.text
