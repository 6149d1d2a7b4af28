"""The environment of the services: the only way in which they learn where things are. Pure."""

from collections.abc import Mapping

from devstack.ports import Addresses


def settings_for(addresses: Addresses) -> dict[str, str]:
    """The addresses of the stack, as the services' settings name them."""
    return {
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": str(addresses.kafka),
        "EVENTRAIL_CLICKHOUSE_URL": f"clickhouse://default@{addresses.clickhouse}/eventrail",
        "EVENTRAIL_COLLECTOR_LISTEN": str(addresses.collector),
        "EVENTRAIL_QUERY_API_LISTEN": str(addresses.query_api),
        "EVENTRAIL_ENRICHER_LISTEN": str(addresses.enricher),
        "EVENTRAIL_WRITER_LISTEN": str(addresses.writer),
        "EVENTRAIL_AUDITOR_LISTEN": str(addresses.auditor),
    }


def build(outer: Mapping[str, str], addresses: Addresses, made: Mapping[str, str]) -> dict[str, str]:
    """Join the environment of the person (`outer`) with what the stack sets.

    Addresses are always the stack's own. Of what else it `made` (secrets, the browser script), the person's own
    wins; an empty value counts as none.
    """
    given = {name: value for name, value in outer.items() if value or name not in made}
    return {**made, **given, **settings_for(addresses), "PYTHONUNBUFFERED": "1"}


def overruled(outer: Mapping[str, str], addresses: Addresses) -> list[str]:
    """Name the person's settings that this stack does not use, because it brings its own."""
    own = settings_for(addresses)
    return sorted(name for name in own if outer.get(name) and outer[name] != own[name])
