from pathlib import Path

import pytest

from devstack.commands import output
from devstack.errors import SchemasError


def test_what_a_failing_program_wrote_is_told(tmp_path: Path) -> None:
    with pytest.raises(SchemasError, match="the reason"):
        output(["sh", "-c", "echo the reason; exit 2"], tmp_path, {}, SchemasError)
    with pytest.raises(SchemasError, match="no-such-program is not there"):
        output(["no-such-program"], tmp_path, {}, SchemasError)


def test_a_program_runs_in_the_folder_with_the_variables(tmp_path: Path) -> None:
    assert (
        output(["sh", "-c", "echo $PWD $WORD"], tmp_path, {"WORD": "said"}, SchemasError)
        == f"{tmp_path} said\n"
    )
