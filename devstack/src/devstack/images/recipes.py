"""How Compose builds and restricts our programs, as command lines of Docker. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

VERSION: Final = "0.1.0"
"""The tag; k8s/base asks for the same names and tag."""


@dataclass(frozen=True)
class Recipe:
    """One of our programs as docker-compose.yml describes it."""

    name: str
    service: Mapping[str, Any]

    @property
    def image(self) -> str:
        return f"eventrail/{self.name}:{VERSION}"

    @property
    def container(self) -> str:
        return f"eventrail-images-{self.name}"

    @property
    def patience_s(self) -> int:
        """How long its orderly end may take."""
        return int(self.service["stop_grace_period"].removesuffix("s"))

    def build(self, more: Sequence[str]) -> list[str]:
        """`docker build` in the checkout, with `more` options."""
        build = self.service["build"]
        arguments = [f"--build-arg={name}={value}" for name, value in build["args"].items()]
        return ["docker", "build", "--target", build["target"], *arguments, "--tag", self.image, *more, "."]

    def start(self, variables: Iterable[str], more: Sequence[str]) -> list[str]:
        """`docker run` on the network of this machine, with all that Compose takes from it.

        Docker takes the values of `variables` from its own environment.
        """
        restrictions = [
            *(["--read-only"] if self.service["read_only"] else []),
            *(f"--tmpfs={path}" for path in self.service["tmpfs"]),
            *(f"--cap-drop={name}" for name in self.service["cap_drop"]),
            *(f"--security-opt={option}" for option in self.service["security_opt"]),
        ]
        settings = [f"--env={name}" for name in sorted(variables)]
        command = ["docker", "run", "--name", self.container, "--network=host", *restrictions, *settings]
        return [*command, *more, self.image, *self.service.get("command", ())]


def recipes(compose: Mapping[str, Any]) -> dict[str, Recipe]:
    """By name: what Compose builds and starts without a profile."""
    return {
        name: Recipe(name, service)
        for name, service in compose["services"].items()
        if "build" in service and "profiles" not in service
    }
