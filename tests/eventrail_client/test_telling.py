import pytest

from eventrail_client.delivery import Ended, Refusal
from eventrail_client.errors import InvalidEvent
from eventrail_client.telling import Teller

REFUSAL = Refusal("id", "purchase", 3, "validation_error", "url: is too long", "url")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"{record.levelname} {record.getMessage()}" for record in caplog.records]


def test_a_refusal_is_a_line_where_no_function_takes_it(caplog: pytest.LogCaptureFixture) -> None:
    Teller(None).ended(Ended([REFUSAL]))
    assert lines(caplog) == [
        "ERROR event 'purchase' (number 3 of its request) was refused: validation_error: url: is too long"
    ]


def test_a_refusal_goes_to_the_function_alone(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Refusal] = []
    teller = Teller(told.append)
    teller.ended(Ended([REFUSAL]))
    teller.invalid("x" * 3, InvalidEvent("is too long", "event_data.a", "payload_too_large"))
    assert told == [
        REFUSAL,
        Refusal(None, "xxx", None, "payload_too_large", "event_data.a: is too long", "event_data.a"),
    ]
    assert lines(caplog) == []


def test_a_remark_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller(None)
    for _ in range(3):
        teller.ended(Ended(notes=["these fields were ignored: client_ip"]))
    assert lines(caplog) == ["WARNING the collector took events, but these fields were ignored: client_ip"]


def test_remarks_that_never_repeat_come_to_an_end(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller(None)
    for number in range(1000):
        teller.ended(Ended(notes=[f"event {number}"]))
    assert len(lines(caplog)) == 100


def test_a_full_queue_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller(None)
    for total, now in ((0, 0), (5, 1), (7, 60), (9, 61), (9, 200), (10, float("inf"))):
        teller.dropped(total, now)
    assert lines(caplog) == [
        "ERROR 5 events were dropped: the queue was full",
        "ERROR 4 events were dropped: the queue was full",
        "ERROR 1 events were dropped: the queue was full",
    ]


def test_an_end_without_loss_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    Teller(None).left(0)
    Teller(None).ended(Ended())
    assert lines(caplog) == []
