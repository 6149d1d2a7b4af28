"""The command lines of Docker, from docker-compose.yml as it is."""

import re

import pytest

from devstack.checkout import CHECKOUT
from devstack.images.recipes import Recipe, recipes
from devstack.programs import SERVICES
from tests.deploy.test_compose import compose


@pytest.fixture
def writer() -> Recipe:
    return recipes(compose())["writer"]


def test_the_jobs_and_the_services_have_recipes_and_what_needs_a_profile_has_none() -> None:
    assert set(recipes(compose())) == {"topics", "migrate", *SERVICES}


def test_an_image_is_built_as_compose_builds_it(writer: Recipe) -> None:
    assert writer.build(["--network=host"]) == [
        *("docker", "build", "--target", "service"),
        *("--build-arg=PACKAGE=eventrail-writer", "--build-arg=MODULE=writer", "--build-arg=PORT=8403"),
        *("--tag", "eventrail/writer:0.1.0", "--network=host", "."),
    ]


def test_a_service_is_restricted_as_compose_restricts_it(writer: Recipe) -> None:
    assert writer.start(["EVENTRAIL_B", "EVENTRAIL_A"], ["--detach"]) == [
        *("docker", "run", "--name", "eventrail-images-writer", "--network=host"),
        *("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"),
        *("--env=EVENTRAIL_A", "--env=EVENTRAIL_B", "--detach", "eventrail/writer:0.1.0"),
    ]


def test_words_of_compose_come_last() -> None:
    assert recipes(compose())["topics"].start([], ["--rm"])[-3:] == [
        "eventrail/topics:0.1.0",
        "topics",
        "create",
    ]


def test_the_end_may_take_as_long_as_compose_waits(writer: Recipe) -> None:
    assert writer.patience_s == 60


def test_kubernetes_asks_for_images_of_the_same_names() -> None:
    texts = [file.read_text(encoding="utf-8") for file in (CHECKOUT / "k8s/base").glob("*.yaml")]
    asked = {image for text in texts for image in re.findall(r"image: (eventrail/\S+)", text)}
    made = recipes(compose())
    assert asked == {made[name].image for name in ("topics", *SERVICES)}
