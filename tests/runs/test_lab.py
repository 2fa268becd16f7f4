import sys

import pytest

from opsnb.errors import InputError
from opsnb.runs import kernels, lab, notebooks
from tests.runs import small


def test_an_installed_package_copies_its_notebooks_here_once(tmp_path, monkeypatch):
    (tmp_path / "site" / "opsnb" / "notebooks").mkdir(parents=True)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(notebooks, "PACKAGE", tmp_path / "site" / "opsnb")
    small.write(tmp_path / "site" / "opsnb" / "notebooks")
    assert lab.workplace() == tmp_path / "work" / "notebooks"
    (tmp_path / "work" / "notebooks" / "small.ipynb").write_text("mine", encoding="utf-8")
    assert lab.workplace() == tmp_path / "work" / "notebooks"
    assert (tmp_path / "work" / "notebooks" / "small.ipynb").read_text("utf-8") == "mine"


def test_no_notebooks_at_all_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(notebooks, "PACKAGE", tmp_path / "site" / "opsnb")
    with pytest.raises(InputError, match="no notebooks here"):
        lab.workplace()


def test_the_command_serves_this_machine_only_and_asks_nobody_for_news(tmp_path):
    words = lab.command(tmp_path, port=9999, open_browser=False)
    assert words[:3] == [sys.executable, "-m", "jupyterlab"]
    assert {"--ServerApp.ip=127.0.0.1", "--ServerApp.port=9999", "--no-browser", "--LabApp.news_url=None"} <= set(words)
    assert "--no-browser" not in lab.command(tmp_path, port=9999, open_browser=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no ipc sockets")
def test_sockets_lie_in_a_private_folder_that_goes_with_the_run_and_long_names_fall_back(monkeypatch):
    with kernels.private_channels() as channels:
        place = channels["KernelManager"]["ip"]
        folder = lab.Path(place).parent
        assert channels["KernelManager"]["transport"] == "ipc"
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()
    monkeypatch.setattr(kernels, "LONGEST_SOCKET", 5)
    with kernels.private_channels() as channels:
        assert channels == {}
    assert kernels.server_options() == []
