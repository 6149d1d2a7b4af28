"""What a container would find in its environment: made-up secrets, and files that lie elsewhere."""

import base64
from pathlib import Path
from typing import Final

import certifi

from tests.deploy.kubernetes.manifests import Manifests

_KEY: Final = base64.b64encode(b"k" * 32).decode()

ENDS: Final = {
    f"clickhouse-url-{user}": f"clickhouse://eventrail_{user}:word@clickhouse:9000/eventrail"
    for user in ("migrator", "writer", "reader", "auditor")
}

SECRETS: Final[dict[tuple[str, str], str]] = {
    ("eventrail", "address-keys"): f"k1:{_KEY}",
    ("eventrail", "salt-secret"): _KEY,
    ("eventrail", "salt-keys"): f"s1:{_KEY}",
    **{("eventrail", key): url for key, url in ENDS.items()},
    **{
        ("eventrail-clickhouse", f"{user}-sha256"): "0" * 64
        for user in ("migrator", "writer", "reader", "auditor", "operator")
    },
}
"""Everything that the platform puts into secrets by hand, by name and key."""

FILES: Final = {
    "/etc/eventrail/kafka/ca.crt": Path(certifi.where()).read_text(encoding="utf-8"),
    "/etc/eventrail/kafka/password": "word\n",
    "/etc/eventrail/websites/websites.yaml": "websites: [{id: shop, name: Shop, domains: [shop.example]}]\n",
}
"""What operators and ConfigMaps mount, by path."""


def environment(overlay: Manifests, name: str, folder: Path) -> dict[str, str]:
    """The variables of that pod's container; the files that they name lie in `folder`."""
    made = overlay.environment(name, SECRETS)
    for path, text in FILES.items():
        (folder / Path(path).name).write_text(text, encoding="utf-8")
    return {key: str(folder / Path(value).name) if value in FILES else value for key, value in made.items()}
