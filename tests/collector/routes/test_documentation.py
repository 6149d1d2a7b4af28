import httpx

from collector.payload.members import Member
from collector.refusals import KINDS
from collector.routes.documentation import BATCH, SINGLE, Accepted, Event, NotAccepted


async def test_the_document_describes_both_paths_with_every_status(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    statuses = {"202"} | {str(kind.status) for kind in KINDS.values()}
    for path in ("/api/collect", "/e"):
        assert set(document["paths"][path]["post"]["responses"]) == statuses
    assert (await http.get("/docs")).status_code == 200


async def test_every_reference_of_the_document_resolves(http: httpx.AsyncClient) -> None:
    text = (await http.get("/openapi.json")).text
    document = (await http.get("/openapi.json")).json()
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used <= set(document["components"]["schemas"])
    assert {"Event", "Accepted", "NotAccepted"} <= used


def test_the_model_has_exactly_the_fields_that_are_read() -> None:
    assert set(Event.model_fields) == set(Member.__struct_fields__)


async def test_the_documented_examples_are_accepted_and_receipts_are_as_documented(
    http: httpx.AsyncClient,
) -> None:
    for example, count in ((SINGLE, 1), (BATCH, 2)):
        answer = await http.post("/api/collect", json=example)
        assert answer.status_code == 202
        assert Accepted.model_validate(answer.json(), strict=True).accepted == count
    answer = await http.post("/api/collect", json=[])
    assert NotAccepted.model_validate(answer.json(), strict=True).error.code == "validation_error"
