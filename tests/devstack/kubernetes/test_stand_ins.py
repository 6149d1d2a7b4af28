from devstack.kubernetes import stand_ins

INSTALLATION = {
    "apiVersion": "clickhouse.altinity.com/v1",
    "kind": "ClickHouseInstallation",
    "metadata": {"name": "events", "namespace": "shop"},
    "spec": {
        "templates": {
            "podTemplates": [
                {"name": "server", "metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}}
            ],
            "volumeClaimTemplates": [{"name": "data", "spec": {"accessModes": ["ReadWriteOnce"]}}],
        }
    },
}


def test_nodes_are_in_different_zones() -> None:
    nodes = [each for each in stand_ins.cluster() if each["kind"] == "Node"]
    zones = {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes}
    assert len(nodes) == len(zones) == stand_ins.ZONES


def test_every_disk_is_of_the_default_class() -> None:
    (storage,) = (each for each in stand_ins.cluster() if each["kind"] == "StorageClass")
    assert storage["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    disks = [each for each in stand_ins.cluster() if each["kind"] == "PersistentVolume"]
    assert len(disks) == stand_ins.DISKS
    assert {disk["spec"]["storageClassName"] for disk in disks} == {storage["metadata"]["name"]}


def test_open_kinds_are_named_as_kubernetes_wants_it() -> None:
    made = {each["spec"]["names"]["kind"]: each for each in stand_ins.open_kinds()}
    assert set(made) == {kind for _version, kind in stand_ins.NO_SCHEMA}
    for definition in made.values():
        spec = definition["spec"]
        assert definition["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"


def test_pods_and_claims_of_an_installation_are_objects_of_their_own() -> None:
    pod, claim = stand_ins.insides(INSTALLATION)
    assert pod == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "server", "namespace": "shop", "labels": {"a": "b"}},
        "spec": {"containers": []},
    }
    assert claim["kind"] == "PersistentVolumeClaim"
    assert claim["metadata"] == {"name": "data", "namespace": "shop"}


def test_what_has_a_schema_is_not_looked_into() -> None:
    assert list(stand_ins.insides({**INSTALLATION, "apiVersion": "apps/v1", "kind": "Deployment"})) == []
