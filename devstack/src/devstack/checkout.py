"""Where things are in the checkout that this package is installed from (editable)."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
"""Root of the checkout: the folder that holds `dev` and `uv.lock`."""

STATE_DIR = CHECKOUT / ".dev"
"""What `./dev` keeps: tools, logs, state file, data of runs without `--data`. Not in git."""
