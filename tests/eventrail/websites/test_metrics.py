from pathlib import Path

from prometheus_client import CollectorRegistry

from eventrail.websites import OpenWebsites, metrics
from eventrail.websites.watching import WebsitesFile


def test_broken_and_known_are_told(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("websites:\n- {id: a, name: A, domains: [a.example]}\n")
    websites, registry = WebsitesFile(path), CollectorRegistry()
    metrics.install(registry, websites)

    def read() -> tuple[float | None, float | None]:
        return registry.get_sample_value("eventrail_websites_broken"), registry.get_sample_value(
            "eventrail_websites"
        )

    assert read() == (0.0, 1.0)
    path.write_text("nonsense")
    websites.reload()
    websites.reload()
    assert read() == (1.0, 1.0)


def test_an_open_stack_has_no_such_figures() -> None:
    registry = CollectorRegistry()
    metrics.install(registry, OpenWebsites())
    assert registry.get_sample_value("eventrail_websites_broken") is None
