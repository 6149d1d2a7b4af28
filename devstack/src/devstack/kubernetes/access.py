"""Files by which the programs of a control plane know each other: a token, a key, a kubeconfig."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from devstack.ports import Address

_USER = "check"
_ADMINISTRATORS = "system:masters"


@dataclass(frozen=True)
class Access:
    """The way to an API server as its administrator. The files are in one folder and die with it."""

    url: str
    token: str
    folder: Path

    @property
    def certificate(self) -> Path:
        """What the server makes for itself when it starts, with the authority that signed it."""
        return self.folder / "certificates" / "apiserver.crt"

    @property
    def tokens(self) -> Path:
        """Who has which token, as the server reads it."""
        return self.folder / "tokens.csv"

    @property
    def accounts_key(self) -> Path:
        """The key that signs tokens of service accounts."""
        return self.folder / "accounts.key"

    @property
    def kubeconfig(self) -> Path:
        """The same as clients read it."""
        return self.folder / "kubeconfig"


def make(folder: Path, address: Address) -> Access:
    """Write the files for an API server at `address` into `folder`, which is there and ours alone."""
    access = Access(f"https://{address}", secrets.token_urlsafe(), folder)
    access.tokens.write_text(f"{access.token},{_USER},{_USER},{_ADMINISTRATORS}\n", encoding="utf-8")
    access.accounts_key.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,  # the server takes no other one
            serialization.NoEncryption(),
        )
    )
    access.kubeconfig.write_text(json.dumps(_kubeconfig(access)), encoding="utf-8")
    return access


def _kubeconfig(access: Access) -> dict[str, object]:
    cluster = {"server": access.url, "certificate-authority": str(access.certificate)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _USER, "cluster": cluster}],
        "users": [{"name": _USER, "user": {"token": access.token}}],
        "contexts": [{"name": _USER, "context": {"cluster": _USER, "user": _USER}}],
        "current-context": _USER,
    }
