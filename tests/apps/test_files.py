"""Which files a page may load: plain names, of a few kinds, inside the folders."""

import pytest

from opsnb.apps import files


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "static"
    made.mkdir()
    for name in ("page.js", ".hidden.js", "page.py"):
        (made / name).write_text("x")
    (tmp_path / "outside.js").write_text("x")
    return made


def test_a_file_of_the_folder_is_found(folder):
    assert files.find("page.js", [str(folder)]) == folder / "page.js"


@pytest.mark.parametrize("path", ["../outside.js", ".hidden.js", "page.py", "", "//page.js", "static/../../outside.js", "nothing.js"])
def test_no_other_file_is(folder, path):
    assert files.find(path, [str(folder)]) is None


def test_a_link_that_leads_out_is_not_followed(folder):
    (folder / "link.js").symlink_to(folder.parent / "outside.js")
    assert files.find("link.js", [str(folder)]) is None
