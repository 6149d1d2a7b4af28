import os

import pytest

from devstack.testing import OPTIONAL_PARTS, Optional, find_chromium, plan

THERE = Optional("browser tests", "browser", lambda: "")
MISSING = Optional("Go tests", "golang", lambda: "there is no go on the PATH")


def test_all_tests_but_the_long_ones_are_the_default() -> None:
    assert plan([], [])[0] == "not long"
    assert plan(["-k", "kafka"], [])[2] == ["-k", "kafka"]


def test_unit_leaves_the_stack_out_and_says_so() -> None:
    expression, notes, rest = plan(["unit", "-x"], [])
    assert expression == "not stack and not slow and not long"
    assert "broker" in notes[0]
    assert rest[-1] == "-x"
    assert rest[:2] == ["-n", str(os.cpu_count())]


def test_long_leaves_nothing_out() -> None:
    assert plan(["long"], [THERE]) == ("", [], [])


def test_sdk_is_the_folder_of_the_trackers() -> None:
    expression, notes, rest = plan(["sdk", "-x"], [MISSING])
    assert (expression, rest) == ("not long and not golang", ["tests/sdk", "-x"])
    assert notes == ["Go tests: there is no go on the PATH"]


def test_containers_are_for_the_tests_of_the_whole_river() -> None:
    expression, notes, rest = plan(["--containers", "-x"], [MISSING])
    assert (expression, rest) == ("not long and not golang", ["tests/pipeline", "--containers", "-x"])
    assert notes == ["Go tests: there is no go on the PATH"]


def test_a_machine_without_chromium_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = [part for part in OPTIONAL_PARTS if part.marker == "browser"]
    monkeypatch.setattr("shutil.which", lambda _: None)
    (note,) = plan(["long"], browser)[1]
    assert "chromium" in note
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert find_chromium() == "/usr/bin/chromium"
    assert plan(["long"], browser)[1] == []


def test_a_machine_without_go_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    (note,) = [note for note in plan(["long"], OPTIONAL_PARTS)[1] if "kustomize" in note]
    assert "there is no go" in note


@pytest.mark.parametrize("own", [["-m", "stack"], ["-mstack"]])
def test_an_own_marker_expression_replaces_ours(own: list[str]) -> None:
    assert plan(own, [MISSING]) == ("", [], own)


def test_what_a_machine_cannot_run_is_left_out_with_the_reason() -> None:
    expression, notes, _ = plan(["long"], [THERE, MISSING])
    assert expression == "not golang"
    assert notes == ["Go tests: there is no go on the PATH"]
    assert plan([], [MISSING])[0] == "not long and not golang"
