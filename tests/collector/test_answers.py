import pytest

from collector.answers import CLOSE, Answer, lines


def test_an_answer_on_the_wire_is_one_piece() -> None:
    answer = Answer(202, b'{"ok":true}', ((b"ratelimit", b'"address";r=1'),))
    assert answer.on_the_wire(lines([(b"date", b"now")]), b"", CLOSE) == (
        b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: 11\r\n"
        b'ratelimit: "address";r=1\r\ndate: now\r\nconnection: close\r\n\r\n{"ok":true}'
    )


@pytest.mark.parametrize(
    ("status", "line"), [(503, b"503 Service Unavailable"), (408, b"408 Request Timeout")]
)
def test_the_status_has_its_phrase(status: int, line: bytes) -> None:
    assert Answer(status, b"{}").on_the_wire().startswith(b"HTTP/1.1 " + line + b"\r\n")


def test_the_headers_of_an_answer_are_the_same_both_ways() -> None:
    answer = Answer(429, b"{}", ((b"retry-after", b"3"),))
    head = answer.on_the_wire().partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    assert [tuple(line.split(b": ")) for line in head] == answer.all_headers()
