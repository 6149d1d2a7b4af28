import httpx
import pytest


@pytest.mark.parametrize("path", ["/", "/nope", "/api/collect/", "/api/collect/x", "/E", "//"])
async def test_unknown_paths(path: str, http: httpx.AsyncClient) -> None:
    for method in ("GET", "POST"):
        answer = await http.request(method, f"http://collector{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        assert answer.json()["rejected"] == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/api/collect", "/e"])
async def test_wrong_methods_are_told_the_right_one(method: str, path: str, http: httpx.AsyncClient) -> None:
    answer = await http.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    assert "POST" in answer.json()["error"]["message"]


async def test_wrong_methods_elsewhere(http: httpx.AsyncClient) -> None:
    answer = await http.post("/readyz")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]
