import pytest

from enricher.lookups.client_hints import Hints
from enricher.lookups.device_types import device_type


@pytest.mark.parametrize(
    ("user_agent", "kind"),
    [
        ("Robotics Browser (Windows NT 10.0)", "desktop"),
        ("CUBOT X19", ""),
        ("Mozilla/5.0 (Linux; Android 9; cubot_x19) Mobile", "mobile"),
        ("Mozilla/5.0 (Linux; Android 12; Tablet) Mobile", "tablet"),
        ("Mozilla/4.0 (Windows NT 6.1; Tablet PC 2.0)", "desktop"),
        ("Mozilla/5.0 (Linux; Android 12) Safari/537.36", "tablet"),
        ("Mozilla/5.0 (Linux; Android 12) Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (Linux; Androids 12)", "desktop"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) CriOS/141 Safari/605.1.15", "tablet"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.6 Safari/605.1.15", "desktop"),
        ("Afterparty/1.0 (Windows NT 10.0)", "desktop"),
        ("Mozilla/5.0 (Linux; Android 11; AFTKA) Mobile", "tv"),
        ("Mozilla/5.0 (PlayStation 4; SmartTV)", "console"),
        ("Mozilla/5.0 (Linux; Android 10) Mobile HbbTV/1.5.1", "tv"),
        ("Shop/5.12.0 (iOS 18.5.0)", "mobile"),
        ("", ""),
    ],
)
def test_the_table_is_read_downwards(user_agent: str, kind: str) -> None:
    assert device_type(user_agent) == kind


PHONE = "Mozilla/5.0 (Linux; Android 10; K) Mobile Safari/537.36"
TABLET = "Mozilla/5.0 (Linux; Android 10; K) Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "hints", "kind"),
    [
        (PHONE, Hints(), "mobile"),
        (TABLET, Hints(mobile=True), "mobile"),
        (PHONE, Hints(mobile=False, platform="Android"), "tablet"),
        (PHONE, Hints(mobile=False, platform="Linux"), "desktop"),
        (PHONE, Hints(mobile=False), "mobile"),
        (PHONE, Hints(mobile=True, model="Galaxy Tablet"), "tablet"),
        (TABLET, Hints(mobile=False, platform="Android", model="BRAVIA 4K UR2"), "tv"),
        ("Mozilla/5.0 (Windows NT 10.0; Xbox)", Hints(mobile=False, platform="Windows"), "console"),
        ("", Hints(mobile=True), "mobile"),
        ("", Hints(mobile=False, platform="macOS"), "desktop"),
        ("", Hints(model="iPad"), "tablet"),
    ],
)
def test_hints_win(user_agent: str, hints: Hints, kind: str) -> None:
    assert device_type(user_agent, hints) == kind
