"""Rights are given to users at the brokers, as acls.py lists them."""

from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest

from eventrail.errors import ConfigurationError
from eventrail.kafka.acls import DEFAULT_PRINCIPAL, Acl, all_acls
from eventrail.kafka.admin import admin
from eventrail.settings import KafkaSettings

_LITERAL: Final = 3
_ALLOW: Final = 3


async def apply_acls(settings: KafkaSettings, principal: str = DEFAULT_PRINCIPAL) -> int:
    """Give every right of the list; returns how many. Those that are there already stay: it may be run again.

    The user of `settings` needs Alter on the cluster. Raises KafkaUnavailable, or ConfigurationError where the
    brokers refuse, for example because they have no authorizer.
    """
    acls = all_acls()
    async with admin(settings) as client:
        for acl in acls:
            await _create(client, acl, principal.format(role=acl.role))
    return len(acls)


async def _create(client: AIOKafkaAdminClient, acl: Acl, principal: str) -> None:
    request = CreateAclsRequest(
        acl.kind.value, acl.name, _LITERAL, principal, "*", acl.operation.value, _ALLOW
    )
    # aiokafka knows the request, but has no method for it.
    answer: Any = await client._send_to_controller(request)  # noqa: SLF001
    for code, message in answer.creation_responses:
        if code != 0:
            raise ConfigurationError(
                f"Kafka refuses rights for {principal}: {message or for_code(code).__name__}"
            )
