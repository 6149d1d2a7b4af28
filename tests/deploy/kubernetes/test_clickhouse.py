"""ClickHouse by Altinity's operator: the cluster that docs/clusters.md asks for."""

import re
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
import yaml

from devstack.checkout import CHECKOUT
from tests.deploy.kubernetes.environment import ENDS
from tests.deploy.kubernetes.manifests import Manifest, Manifests
from writer.cluster import local_name

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]

ONE_SERVER = (CHECKOUT / "deploy/clickhouse/users.xml").read_text(encoding="utf-8")
ON_CLUSTERS = {
    "eventrail_migrator": ["GRANT CLUSTER, REMOTE ON *.*", "GRANT SELECT ON system.clusters"],
    "eventrail_writer": ["GRANT CLUSTER ON *.*"],
}
"""What statements ON CLUSTER need (docs/clusters.md)."""

TABLE = re.compile(r"^GRANT (.+) ON eventrail\.(\w+)$")


def installation(production: Manifests) -> Manifest:
    (found,) = production.of("ClickHouseInstallation")
    return found


def users(text: str) -> ElementTree.Element:
    found = ElementTree.fromstring(text).find("users")  # noqa: S314 - a file of this checkout
    assert found is not None
    return found


def grants(text: str) -> dict[str, list[str]]:
    return {user.tag: [str(query.text) for query in user.iter("query")] for user in users(text)}


def users_file(production: Manifests) -> str:
    text: str = installation(production)["spec"]["configuration"]["files"]["users.d/eventrail.xml"]
    return text


def test_rights_are_those_of_one_server_and_what_a_cluster_needs(production: Manifests) -> None:
    found = grants(users_file(production))
    for user, queries in grants(ONE_SERVER).items():
        local = [
            f"GRANT {match[1]} ON eventrail.{local_name(match[2])}"
            for query in queries
            if (match := TABLE.match(query))
        ]
        assert sorted(found[user]) == sorted([*queries, *local, *ON_CLUSTERS.get(user, [])])


def test_all_but_the_rights_is_that_of_one_server(production: Manifests) -> None:
    def without_rights(text: str) -> str:
        root = ElementTree.fromstring(text)  # noqa: S314 - a file of this checkout
        for user in root.find("users") or ():
            for right in user.findall("grants"):
                user.remove(right)
        return re.sub(r"\s+", "", ElementTree.tostring(root, encoding="unicode"))

    assert without_rights(users_file(production)) == without_rights(ONE_SERVER)


def test_the_servers_get_every_password_that_the_file_asks_for(production: Manifests) -> None:
    wanted = set(re.findall(r'from_env="(\w+)"', users_file(production)))
    (template,) = installation(production)["spec"]["templates"]["podTemplates"]
    (container,) = template["spec"]["containers"]
    given = {item["name"]: item["valueFrom"]["secretKeyRef"] for item in container["env"]}
    assert set(given) == wanted
    for name, reference in given.items():
        role = name.removeprefix("EVENTRAIL_CLICKHOUSE_").removesuffix("_SHA256").lower()
        assert reference == {"name": "eventrail-clickhouse", "key": f"{role}-sha256"}


def test_two_shards_of_two_replicas_with_keepers_on_disks(production: Manifests) -> None:
    (cluster,) = installation(production)["spec"]["configuration"]["clusters"]
    assert cluster["layout"] == {"shardsCount": 2, "replicasCount": 2}
    assert cluster["secret"] == {"auto": "true"}
    (keeper,) = production.of("ClickHouseKeeperInstallation")
    (ensemble,) = keeper["spec"]["configuration"]["clusters"]
    assert ensemble["layout"] == {"replicasCount": 3}
    # The operator calls the Service of a Keeper installation keeper-NAME.
    (node,) = installation(production)["spec"]["configuration"]["zookeeper"]["nodes"]
    assert node == {"host": f"keeper-{keeper['metadata']['name']}", "port": 2181}
    for each in (installation(production), keeper):
        spec = each["spec"]
        templates = spec["defaults"]["templates"]
        names = {kind: [t["name"] for t in spec["templates"][f"{kind}s"]] for kind in ("podTemplate",)}
        assert templates["podTemplate"] in names["podTemplate"]
        (claim,) = spec["templates"]["volumeClaimTemplates"]
        assert templates["dataVolumeClaimTemplate"] == claim["name"]


def test_the_migrations_make_the_tables_on_that_cluster_and_nobody_else_needs_to_know(
    production: Manifests,
) -> None:
    (cluster,) = installation(production)["spec"]["configuration"]["clusters"]
    told = {
        name: item["value"]
        for name in production.pods()
        for item in production.container(name).get("env", [])
        if item["name"] == "EVENTRAIL_CLICKHOUSE_CLUSTER"
    }
    assert told == {"migrate": cluster["name"]}


def test_the_page_leads_the_services_to_the_service_of_the_installation(production: Manifests) -> None:
    page = (CHECKOUT / "docs/deploy-kubernetes.md").read_text(encoding="utf-8")
    # The operator calls the Service of an installation clickhouse-NAME.
    host = f"clickhouse-{installation(production)['metadata']['name']}"
    urls = re.findall(r"--from-literal=(clickhouse-url-\w+)=\"?(clickhouse://[^\s\"]+)", page)
    assert {key for key, _url in urls} == set(ENDS)
    for key, url in urls:
        parts = urlsplit(url)
        assert (parts.hostname, parts.port, parts.path) == (host, 9000, "/eventrail")
        assert parts.username == f"eventrail_{key.rpartition('-')[2]}"


def test_the_engine_is_that_of_compose(production: Manifests) -> None:
    compose = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    (template,) = installation(production)["spec"]["templates"]["podTemplates"]
    (container,) = template["spec"]["containers"]
    assert container["image"] == compose["clickhouse"]["image"]
