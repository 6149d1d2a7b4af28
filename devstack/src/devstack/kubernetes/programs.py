"""The programs of a control plane, of one version of Kubernetes, and what each is started with.

etcd is the one that this version of Kubernetes is tested with. KWOK plays the kubelets: pods that were scheduled become
ready, and those of jobs end, while no container runs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from devstack.errors import GoToolsError
from devstack.go_programs import GoPrograms, Progress
from devstack.kubernetes.access import Access
from devstack.ports import Address

_MODULES: Final = Path(__file__).with_name("modules")

VERSION: Final = "v1.34.4"
"""Of Kubernetes, as its modules require it."""

CONTROL_PLANE: Final = GoPrograms(
    "kubernetes",
    _MODULES / "control-plane",
    {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    },
    # Without them the server takes itself for version 0.0.
    {
        "k8s.io/component-base/version.gitVersion": VERSION,
        "k8s.io/component-base/version.gitMajor": "1",
        "k8s.io/component-base/version.gitMinor": "34",
    },
)

KWOK: Final = GoPrograms("kwok", _MODULES / "kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"})

Programs = Mapping[str, Path]
"""Where each program is, by name."""


def ensure(progress: Progress) -> Programs:
    """All programs, after building those that are not there.

    Blocks, at first for many minutes and some 300 MB of modules. Raises GoToolsError, also where Go is missing.
    """
    found: dict[str, Path] = {}
    for group in (CONTROL_PLANE, KWOK):
        if why := group.missing():
            raise GoToolsError(why)
        folder = group.ensure(progress)
        found |= {name: folder / name for name in group.packages}
    return found


def etcd(data: Path, clients: Address, peers: Address) -> Sequence[str]:
    """Arguments of an etcd that keeps nothing beyond its folder's life."""
    return (
        f"--data-dir={data}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={clients.url}",
        f"--advertise-client-urls={clients.url}",
        f"--listen-peer-urls={peers.url}",
        f"--initial-advertise-peer-urls={peers.url}",
        f"--initial-cluster=default={peers.url}",
        "--log-level=warn",
    )


def apiserver(access: Access, etcd: Address, address: Address) -> Sequence[str]:
    """Arguments of an API server whose only user is the one of `access`; it makes its own certificate."""
    return (
        f"--etcd-servers={etcd.url}",
        f"--bind-address={address.host}",
        f"--advertise-address={address.host}",
        f"--secure-port={address.port}",
        f"--cert-dir={access.certificate.parent}",
        f"--token-auth-file={access.tokens}",
        f"--service-account-issuer=https://{address}",
        f"--service-account-key-file={access.accounts_key}",
        f"--service-account-signing-key-file={access.accounts_key}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        "--service-cluster-ip-range=10.96.0.0/16",
        # The Service "kubernetes" must not lead to an address of loopback.
        "--endpoint-reconciler-type=none",
        "--v=0",
    )


def controllers(access: Access, address: Address) -> Sequence[str]:
    """Arguments of the controller manager."""
    return (
        f"--kubeconfig={access.kubeconfig}",
        f"--service-account-private-key-file={access.accounts_key}",
        *_served(address),
    )


def scheduler(access: Access, address: Address) -> Sequence[str]:
    """Arguments of the scheduler."""
    return (f"--kubeconfig={access.kubeconfig}", *_served(address))


def _served(address: Address) -> Sequence[str]:
    return (
        f"--bind-address={address.host}",
        f"--secure-port={address.port}",
        "--leader-elect=false",
    )


def kwok(access: Access, address: Address) -> Sequence[str]:
    """Arguments of KWOK, which plays the kubelet of every node."""
    return (
        f"--kubeconfig={access.kubeconfig}",
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=40",
        f"--server-address={address}",
    )
