"""The list of rights, and the page that explains it."""

import re

from devstack.checkout import CHECKOUT
from eventrail.contract import topics
from eventrail.kafka.acls import ROLES, Kind, Operation, all_acls, as_commands
from eventrail.settings import KafkaSettings, variable

PAGE = (CHECKOUT / "docs/security.md").read_text(encoding="utf-8")
SHORT = {
    "raw": topics.RAW.name,
    "enriched": topics.ENRICHED.name,
    "rejected": topics.REJECTED.name,
    "erasures": topics.ERASURES.name,
    "salts": topics.SALTS.name,
    "spools": topics.SPOOLS.name,
    "sessions changelog": topics.SESSIONS_CHANGELOG.name,
}


def names(role: str, operation: Operation, kind: Kind = Kind.TOPIC) -> set[str]:
    return {acl.name for acl in all_acls() if (acl.role, acl.operation, acl.kind) == (role, operation, kind)}


def test_every_topic_has_a_writer_and_a_reader() -> None:
    for topic in topics.ALL:
        assert any(topic.name in names(role, Operation.WRITE) for role in ROLES)
        if topic is not topics.ENRICHED:
            assert any(topic.name in names(role, Operation.READ) for role in ROLES)


def test_no_service_may_create_or_alter_anything() -> None:
    strong = {Operation.CREATE, Operation.ALTER, Operation.ALTER_CONFIGS}
    assert {acl.role for acl in all_acls() if acl.operation in strong} == {"topics"}
    assert not [acl for acl in all_acls() if acl.kind is Kind.CLUSTER]


def test_no_right_stands_there_twice() -> None:
    assert len(set(all_acls())) == len(all_acls())
    assert len(set(as_commands())) == len(as_commands())


def test_the_page_says_what_the_list_says() -> None:
    rows = re.findall(r"^\| `([\w-]+)`[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE)
    told = {row[0]: row[1:] for row in rows if row[0] in ROLES}
    assert set(told) == set(ROLES)
    for role, (reads, writes, group) in told.items():
        if role != "topics":
            assert listed(reads) == names(role, Operation.READ)
            assert listed(writes) == names(role, Operation.WRITE)
        assert set(re.findall(r"`([^`]+)`", group)) == names(role, Operation.READ, Kind.GROUP)


def listed(cell: str) -> set[str]:
    return {SHORT[word.strip()] for word in cell.split(",") if word.strip()}


def test_the_page_names_every_setting_of_tls_and_users() -> None:
    settings = [variable(KafkaSettings, name) for name in KafkaSettings.model_fields]
    secure = [name for name in settings if re.search(r"_(SASL|SSL|SECURITY)_", name)]
    assert len(secure) == 8
    for name in secure:
        assert f"| `{name}` |" in PAGE
