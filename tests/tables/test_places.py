import os
import sys

import pytest

from opsnb.tables import places


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no write bits on Windows")
def test_a_folder_without_write_bits_is_read_only_for_the_superuser_too(tmp_path, monkeypatch):
    monkeypatch.setenv("OPSNB_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "theirs"
    folder.mkdir()
    assert places.place(folder) == folder
    os.chmod(folder, 0o555)
    try:
        assert places.place(folder) == places.cached_place(folder)
        assert places.place(folder).parent == tmp_path / "cache"
    finally:
        os.chmod(folder, 0o755)
