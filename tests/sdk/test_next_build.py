"""When the Next.js app of the tests is built again: a change that is not seen would be tested by nothing."""

import subprocess

from devstack.npm import SDK
from tests.sdk.next_app import NEXT_14, PACKAGE


def test_its_sources_are_those_of_the_checkout() -> None:
    parts = [*PACKAGE, *NEXT_14.parts]
    listed = subprocess.run(
        ["git", "-C", str(SDK), "ls-files", *parts], capture_output=True, text=True, check=True
    ).stdout.split()
    sources = {str(file.relative_to(SDK)) for file in NEXT_14.sources() if file.is_relative_to(SDK)}
    assert sources >= {name for name in listed if "/test/" not in name}
    assert "next/src/server.ts" in sources
    assert "package-lock.json" in sources
