"""The instruments themselves under test: what is measured with must be right."""
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))


@pytest.fixture(scope="session")
def programs():
    """Where capture_floor and capture_load are."""
    path = ROOT / "build" / "release"
    for name in ("capture_floor", "capture_load"):
        assert (path / "bench" / name).exists(), f"{name} is missing: ./dev build release {name}"
    return path
