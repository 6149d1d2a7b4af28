from collector.refusals import KINDS, Refused, invalid


def test_every_code_is_one_line_of_the_table() -> None:
    assert all(code == kind.code and kind.meaning.endswith(".") for code, kind in KINDS.items())
    assert {code: kind.status for code, kind in KINDS.items()} == {
        "invalid_json": 400,
        "invalid_encoding": 400,
        "validation_error": 400,
        "batch_too_large": 400,
        "payload_too_large": 400,
        "bad_request": 400,
        "invalid_key": 401,
        "origin_not_allowed": 403,
        "not_found": 404,
        "method_not_allowed": 405,
        "request_timeout": 408,
        "body_too_large": 413,
        "unsupported_media_type": 415,
        "rate_limited": 429,
        "headers_too_large": 431,
        "internal": 500,
        "unavailable": 503,
    }


def test_a_retry_is_promised_only_where_the_same_bytes_may_succeed() -> None:
    assert {code for code, kind in KINDS.items() if kind.retry} == {
        "rate_limited",
        "request_timeout",
        "internal",
        "unavailable",
    }


def test_a_refusal_knows_its_kind() -> None:
    assert Refused("not_found", "m").kind.status == 404
    assert (invalid("m", "url").kind.code, invalid("m", "url").field) == ("validation_error", "url")
