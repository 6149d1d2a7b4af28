"""Every metric that the services register, as it stands in their registries."""

from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from auditor import metrics as auditor
from canary import metrics as canary
from collector.metrics import Metrics as CollectorMetrics
from collector.rate_limits import RateLimiter
from collector.settings import CollectorSettings
from enricher.metrics import Metrics as EnricherMetrics
from eventrail.metrics import registry
from eventrail.websites import metrics as websites
from eventrail.websites.watching import WebsitesFile
from query_api.metrics import Metrics as QueryApiMetrics
from writer import metrics as writer


@dataclass(frozen=True)
class Family:
    """One metric: its name as it is asked for, without what a histogram adds, and its labels."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which its values can be asked for."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


def registries(folder: Path) -> dict[str, CollectorRegistry]:
    """By service, as a process with a websites file makes it; `folder` is for that file."""
    path = folder / "websites.yaml"
    path.write_text("websites:\n- {id: a, name: A, domains: [a.example]}\n")
    collector, settings = CollectorMetrics(), CollectorSettings()
    collector.watch_limits(RateLimiter(settings.rate_limits(), settings.rate_buckets))
    made = {"collector": collector.registry, "enricher": EnricherMetrics().registry}
    made |= {name: registry(name) for name in ("writer", "query-api", "auditor", "canary")}
    writer.metrics(made["writer"])
    QueryApiMetrics(made["query-api"])
    auditor.metrics(made["auditor"])
    canary.metrics(made["canary"])
    for service in ("collector", "enricher", "writer", "query-api"):
        websites.install(made[service], WebsitesFile(path))
    return made


def families(of: CollectorRegistry) -> list[Family]:
    """What `of` holds, apart from the figures of the process that every Prometheus client tells."""
    found = [family for one in of._collector_to_names for family in _families(one)]
    return [family for family in found if family.name.startswith("eventrail_")]


def _families(one: Collector) -> list[Family]:
    if isinstance(one, MetricWrapperBase):
        kind = str(one._type)
        return [Family(_asked(one._name, kind), kind, tuple(one._labelnames), one._documentation)]
    return [
        Family(
            _asked(family.name, family.type),
            family.type,
            tuple(dict.fromkeys(label for sample in family.samples for label in sample.labels)),
            family.documentation,
        )
        for family in one.collect()
    ]


def _asked(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name
