from pathlib import Path

import pytest
import yaml

from devstack import kustomize
from devstack.errors import GoToolsError


def test_what_kustomize_says_of_a_wrong_folder_is_told(tmp_path: Path) -> None:
    refuses = tmp_path / "kustomize"
    refuses.write_text('#!/bin/sh\necho "no such file: $2" >&2\nexit 1\n')
    refuses.chmod(0o755)
    with pytest.raises(GoToolsError, match="no such file"):
        kustomize.render(tmp_path, refuses)


def test_the_pinned_modules_name_the_package() -> None:
    modules = kustomize.PROGRAMS.modules
    assert f"tool {kustomize.PACKAGE}" in (modules / "go.mod").read_text()
    assert f"{kustomize.PACKAGE} v" in (modules / "go.sum").read_text()


def test_an_overlay_leads_from_its_folder_to_the_others(tmp_path: Path) -> None:
    own = tmp_path / "somewhere/own"
    own.mkdir(parents=True)
    kustomize.write_overlay(own, tmp_path / "k8s/base", [tmp_path / "k8s/components/door"], "shop")
    assert yaml.safe_load((own / "kustomization.yaml").read_text()) == {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../../k8s/base"],
        "components": ["../../k8s/components/door"],
        "namespace": "shop",
    }
