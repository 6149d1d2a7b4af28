from pathlib import Path

import pytest

from devstack.protogen import (
    CONTRACT,
    PACKAGES,
    GenerationError,
    Package,
    differences,
    generate,
    relocate,
    write,
)

PROTO = """syntax = "proto3";
package eventrail.v1;
{imports}
message {name} {{
  {field} = 1;
}}
"""


@pytest.fixture
def proto_root(tmp_path: Path) -> Path:
    folder = tmp_path / "proto" / "eventrail" / "v1"
    folder.mkdir(parents=True)
    (folder / "one.proto").write_text(PROTO.format(imports="", name="One", field="string text"))
    imports = 'import "eventrail/v1/one.proto";'
    (folder / "two.proto").write_text(PROTO.format(imports=imports, name="Two", field="One one"))
    return tmp_path / "proto"


def test_modules_move_and_the_package_stays(proto_root: Path) -> None:
    made = generate(CONTRACT, proto_root)
    assert set(made) == {"__init__.py", "one_pb2.py", "one_pb2.pyi", "two_pb2.py", "two_pb2.pyi"}
    assert "from eventrail.contract.v1 import one_pb2" in made["two_pb2.py"]
    assert "'eventrail.contract.v1.one_pb2'" in made["one_pb2.py"]
    assert "entrail.v1" in made["two_pb2.py"]
    assert "from eventrail.contract.v1 import one_pb2" in made["two_pb2.pyi"]


def test_only_names_of_modules_are_rewritten() -> None:
    line = "DESCRIPTOR = pool.AddSerializedFile(b'\\x12\\x0ceventrail.v1 eventrail.v1.RawEvent')\n"
    assert relocate(line, "eventrail.contract.v1") == line
    assert (
        relocate("import eventrail.v1.raw_pb2\n", "eventrail.contract.v1")
        == "import eventrail.contract.v1.raw_pb2\n"
    )


def test_generated_twice_is_the_same(proto_root: Path) -> None:
    assert generate(CONTRACT, proto_root) == generate(CONTRACT, proto_root)


def test_stale_missing_and_left_over_files_are_named(proto_root: Path, tmp_path: Path) -> None:
    target = tmp_path / "v1"
    wanted = generate(CONTRACT, proto_root)
    write(wanted, target)
    assert differences(wanted, target) == []
    (target / "one_pb2.py").write_text("# edited\n")
    (target / "two_pb2.pyi").unlink()
    (target / "gone_pb2.py").write_text("")
    assert differences(wanted, target) == [
        "missing: two_pb2.pyi",
        "left over: gone_pb2.py",
        "stale: one_pb2.py",
    ]
    write(wanted, target)
    assert differences(wanted, target) == []


def test_a_proto_that_does_not_compile_is_told_with_its_line(proto_root: Path) -> None:
    (proto_root / "eventrail" / "v1" / "bad.proto").write_text('syntax = "proto3";\nmessage {\n')
    with pytest.raises(GenerationError, match=r"bad\.proto:2"):
        generate(CONTRACT, proto_root)


def test_a_folder_without_protos_is_told(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match=r"no \*\.proto files"):
        generate(CONTRACT, tmp_path)


def test_a_package_may_have_some_of_the_protos_alone(proto_root: Path, tmp_path: Path) -> None:
    made = generate(Package("other.v1", tmp_path, "one"), proto_root)
    assert set(made) == {"__init__.py", "one_pb2.py", "one_pb2.pyi"}
    assert "'other.v1.one_pb2'" in made["one_pb2.py"]


@pytest.mark.parametrize("package", PACKAGES, ids=[package.module for package in PACKAGES])
def test_the_checked_in_code_is_fresh(package: Package) -> None:
    assert differences(generate(package), package.folder) == []
