import pytest

from enricher.lookups.device_types import device_type


@pytest.mark.parametrize(
    ("user_agent", "kind"),
    [
        ("Googlebot/2.1", "bot"),
        ("Robotics Browser (Windows NT 10.0)", "desktop"),
        ("CUBOT X19", ""),
        ("Mozilla/5.0 (Linux; Android 9; cubot_x19) Mobile", "mobile"),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT) Mobile (compatible; AhrefsBot/7.0)", "bot"),
        ("Bot", "bot"),
        ("botanic/1.0 (Macintosh)", "desktop"),
        ("Mozilla/5.0 (Linux; Android 12; Tablet) Mobile", "tablet"),
        ("Mozilla/4.0 (Windows NT 6.1; Tablet PC 2.0)", "desktop"),
        ("Mozilla/5.0 (Linux; Android 12) Safari/537.36", "tablet"),
        ("Mozilla/5.0 (Linux; Android 12) Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (Linux; Androids 12)", "desktop"),
        ("Afterparty/1.0 (Windows NT 10.0)", "desktop"),
        ("Mozilla/5.0 (Linux; Android 11; AFTKA) Mobile", "tv"),
        ("Mozilla/5.0 (PlayStation 4; SmartTV)", "console"),
        ("Mozilla/5.0 (Linux; Android 10) Mobile HbbTV/1.5.1", "tv"),
        ("", ""),
    ],
)
def test_the_table_is_read_downwards(user_agent: str, kind: str) -> None:
    assert device_type(user_agent) == kind
