"""docker-compose.yml against the schema of the Compose specification, as `docker compose` has it."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import jsonschema_rs
import pytest

from devstack import schemas
from tests.deploy.test_compose import compose

pytestmark = [pytest.mark.kustomize, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def validator() -> jsonschema_rs.Draft202012Validator:
    text = (schemas.ensure(print) / "compose-spec.json").read_text(encoding="utf-8")
    return jsonschema_rs.Draft202012Validator(json.loads(text))


def faults(validator: jsonschema_rs.Draft202012Validator, read: dict[str, Any]) -> list[str]:
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(read)
    ]


def test_compose_would_take_it(validator: jsonschema_rs.Draft202012Validator) -> None:
    assert faults(validator, compose()) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda writer: writer.update(readonly=True),
        lambda writer: writer.update(stop_grace_period=60),
        lambda writer: writer["build"].update(arg={}),
        lambda writer: writer["depends_on"]["migrate"].update(condition="service_done"),
    ],
)
def test_a_wrong_file_is_refused(
    validator: jsonschema_rs.Draft202012Validator, damage: Callable[[Any], None]
) -> None:
    wrong = deepcopy(compose())
    damage(wrong["services"]["writer"])
    assert faults(validator, wrong)
