import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from devstack.kubernetes import access
from devstack.ports import Address


def test_server_and_clients_read_the_same(tmp_path: Path) -> None:
    made = access.make(tmp_path, Address("127.0.0.1", 20443))
    assert made.url == "https://127.0.0.1:20443"
    token, _name, _uid, group = made.tokens.read_text().strip().split(",")
    assert (token, group) == (made.token, "system:masters")
    config = json.loads(made.kubeconfig.read_text())
    (user,) = config["users"]
    (cluster,) = config["clusters"]
    (context,) = config["contexts"]
    assert user["user"] == {"token": token}
    assert cluster["cluster"] == {"server": made.url, "certificate-authority": str(made.certificate)}
    assert context["context"] == {"cluster": cluster["name"], "user": user["name"]}
    assert config["current-context"] == context["name"]
    key = load_pem_private_key(made.accounts_key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)


def test_each_token_is_another(tmp_path: Path) -> None:
    at = Address("127.0.0.1", 20443)
    assert access.make(tmp_path, at).token != access.make(tmp_path, at).token
