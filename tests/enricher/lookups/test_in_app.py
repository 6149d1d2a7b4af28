import pytest

from enricher.lookups.in_app import app_of


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        ("Mobile/15E148 MicroMessenger/8.0.60(0x18003c2f) NetType/WIFI", ("WeChat Browser", "8.0.60")),
        ("Mobile Safari/537.36;KAKAOTALK 2410520", ("KakaoTalk", "2410520")),
        ("Safari/604.1 [LinkedInApp]/9.29.5964", ("LinkedIn", "9.29.5964")),
        ("NotMicroMessenger/1", None),
        ("MicroMessenger", None),
        ("", None),
    ],
)
def test_apps(user_agent: str, expected: tuple[str, str] | None) -> None:
    assert app_of(user_agent) == expected
