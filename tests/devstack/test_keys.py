import base64
from pathlib import Path

import pytest

from devstack.errors import BadOption
from devstack.keys import secrets_of
from eventrail.sealing import parse_keys


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = secrets_of(tmp_path / "data")
    assert secrets_of(tmp_path / "data") == first
    assert secrets_of(tmp_path / "other") != first


def test_their_form_is_what_the_settings_ask_for(tmp_path: Path) -> None:
    secrets = secrets_of(tmp_path)
    assert set(secrets) == {"EVENTRAIL_ADDRESS_KEYS", "EVENTRAIL_SALT_SECRET", "EVENTRAIL_SALT_KEYS"}
    salt_secret = base64.b64decode(secrets["EVENTRAIL_SALT_SECRET"], validate=True)
    ((key_id, key),) = parse_keys(secrets["EVENTRAIL_ADDRESS_KEYS"]).items()
    assert key_id == "dev"
    assert len(salt_secret) == 32
    ((salt_key_id, salt_key),) = parse_keys(secrets["EVENTRAIL_SALT_KEYS"]).items()
    assert salt_key_id == "dev"
    assert len({key, salt_secret, salt_key}) == 3


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    secrets_of(tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_reported_and_not_replaced(tmp_path: Path) -> None:
    secrets_of(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text("EVENTRAIL_SALT_SECRET=abc\n")
    with pytest.raises(BadOption, match=r"secrets\.env has no EVENTRAIL_ADDRESS_KEYS"):
        secrets_of(tmp_path)
    assert path.read_text() == "EVENTRAIL_SALT_SECRET=abc\n"
