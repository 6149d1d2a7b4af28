import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.refusals import KINDS
from eventrail_client import receipts
from eventrail_client.receipts import Answer, Refused, Verdict, read


def answer(status: int, body: Any) -> Answer:
    return Answer(status, 0, body if isinstance(body, bytes) else json.dumps(body).encode())


def entry(index: int, *, retry: bool, code: str = "validation_error") -> dict[str, Any]:
    return {"index": index, "code": code, "message": "m", "field": None, "retry": retry}


def receipt(accepted: int, *rejected: dict[str, Any], **more: Any) -> Answer:
    return answer(202, {"ok": True, "accepted": accepted, "rejected": rejected, **more})


def test_all_were_accepted() -> None:
    assert read(receipt(3), 3) == Verdict()


def test_each_event_has_its_own_fate() -> None:
    verdict = read(receipt(1, entry(0, retry=False), entry(2, retry=True, code="unavailable")), 3)
    assert verdict.refused == {0: Refused("validation_error", "m", None)}
    assert verdict.again == {2}
    assert verdict.trouble == "202 unavailable: m"


@pytest.mark.parametrize(
    "strange",
    [
        answer(200, b"<html>Welcome to the hotel"),
        answer(202, b""),
        answer(202, b"\xff"),
        answer(202, []),
        answer(202, {"ok": True}),
        receipt(2),
        receipt(4),
        answer(204, b""),
        answer(302, b""),
        answer(401, {"detail": "log in"}),
        answer(404, {"error": {"code": "not_found", "message": "nothing at this path"}, "rejected": []}),
        answer(500, b"oops"),
        answer(503, {"error": {"code": "unavailable", "message": "m"}, "rejected": []}),
        answer(503, {"error": "unavailable", "rejected": {"index": 0}}),
        answer(202, b"[" * 100_000),
    ],
)
def test_whatever_is_no_receipt_means_all_of_them_again(strange: Answer) -> None:
    verdict = read(strange, 3)
    assert (verdict.again, verdict.refused, verdict.whole) == ({0, 1, 2}, {}, None)
    assert str(strange.status) in verdict.trouble


def test_a_refusal_may_name_each_event_without_a_202() -> None:
    body = {
        "error": {"code": "not_found", "message": "m", "field": None},
        "rejected": [entry(0, retry=False, code="not_found"), entry(1, retry=True, code="rate_limited")],
    }
    verdict = read(answer(404, body), 2)
    assert (set(verdict.refused), verdict.again) == ({0}, {1})


def test_only_false_means_never() -> None:
    for retry in (True, None, "false", 0):
        assert read(receipt(0, {**entry(0, retry=False), "retry": retry}), 1).again == {0}


def test_entries_that_name_no_event_of_the_request_are_no_receipt() -> None:
    for index in (-1, 2, True, None, "0"):
        assert read(receipt(1, {**entry(0, retry=False), "index": index}), 2).again == {0, 1}


@pytest.mark.parametrize("code", sorted(receipts.OF_THE_BODY))
def test_a_body_that_is_refused_as_a_whole_is_told_apart(code: str) -> None:
    body = {"error": {"code": code, "message": "m", "field": None}, "rejected": []}
    verdict = read(answer(KINDS[code].status, body), 2)
    assert verdict.whole == Refused(code, "m", None)
    assert verdict.again == {0, 1}


def test_the_codes_of_a_body_are_such_as_never_pass() -> None:
    assert not any(KINDS[code].retry for code in receipts.OF_THE_BODY)


def test_a_proxy_may_find_a_request_too_large() -> None:
    verdict = read(answer(413, b"<html>"), 2)
    assert (verdict.too_large, verdict.whole, verdict.again) == (True, None, {0, 1})


def test_remarks_on_what_was_accepted() -> None:
    adjusted = [{"index": 0, "field": "timestamp", "message": "[0].timestamp: too old"}]
    verdict = read(receipt(1, ignored_fields=["client_ip"], adjusted=adjusted), 1)
    assert verdict.notes == [
        "these fields were ignored: client_ip",
        "of 1 events the time was replaced; [0].timestamp: too old",
    ]
    assert read(receipt(1, ignored_fields="x", adjusted=[7]), 1) == Verdict()


@given(
    st.integers(0, 599),
    st.binary() | st.from_regex(rb'\{"(accepted|rejected|error)":.{0,20}\}'),
    st.integers(1, 5),
)
def test_no_answer_is_too_strange(status: int, body: bytes, count: int) -> None:
    verdict = read(Answer(status, 0, body), count)
    assert verdict.again | set(verdict.refused) <= set(range(count))
    assert bool(verdict.again) == bool(verdict.trouble)
