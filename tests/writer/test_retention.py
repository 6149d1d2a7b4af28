"""How long a website's events are kept is read once for a batch, by one version of the file."""

from eventrail.websites import ListedWebsites, OpenWebsites, Website
from writer.retention import days_kept, without_limit


def listed(**days: int | None) -> ListedWebsites:
    return ListedWebsites(
        Website(id=name, name=name, domains=(f"{name}.example",), retention_days=limit)
        for name, limit in days.items()
    )


def test_days_of_the_file() -> None:
    days = days_kept(listed(shop=30, blog=None))
    assert [days("shop"), days("blog"), days("gone")] == [30, 0, 0]


def test_an_open_stack_has_no_limits() -> None:
    assert days_kept(OpenWebsites())("shop") == without_limit("shop") == 0


def test_a_batch_goes_by_one_version() -> None:
    class Changing(ListedWebsites):
        def snapshot(self) -> ListedWebsites:
            return listed(shop=7)

    changing = Changing(listed(shop=30).all)
    days = days_kept(changing)
    assert (days("shop"), days("shop")) == (7, 7)
