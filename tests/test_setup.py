"""What sets the project up says the same thing everywhere: pyproject.toml, environment.yml, requirements.txt, the Makefile."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"duckdb": "python-duckdb"}

if not (ROOT / "pyproject.toml").exists():
    pytest.skip("only in a checkout", allow_module_level=True)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REQUIRED = [Requirement(line) for line in PROJECT["dependencies"]]
FOR_TESTS = [Requirement(line) for line in PROJECT["optional-dependencies"]["test"]]
PINNED = (ROOT / "requirements.txt").read_text("utf-8")


def test_conda_gets_what_pip_gets():
    lines = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    conda = {requirement.name: requirement.specifier for requirement in map(Requirement, filter(lambda line: isinstance(line, str), lines))}
    assert str(conda.pop("python")) == str(Requirement(f"python{PROJECT['requires-python']}").specifier)
    conda.pop("pip")
    everywhere = [requirement for requirement in REQUIRED if requirement.marker is None]  # tzdata on Windows comes with conda's python
    assert conda == {CONDA_NAMES.get(requirement.name, requirement.name): requirement.specifier for requirement in everywhere}
    assert lines[-1] == {"pip": ["-e ."]}


def test_every_requirement_is_pinned_within_its_range_and_hashed():
    pins = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)(.*)\n((?:    .*\n?)*)", PINNED, re.M)
    versions = {}
    for name, version, _, below in pins:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", below), name
        versions.setdefault(name, []).append(version)
    for requirement in REQUIRED + FOR_TESTS:
        found = versions[requirement.name.lower()]
        assert all(version in requirement.specifier for version in found), f"{requirement}: {found}"


def test_requirements_carry_no_address():
    assert not re.search(r"https?:|file:|ftp:|@ |--(extra-)?index-url|--find-links|--trusted-host", PINNED)


def test_the_makefile_has_its_targets_and_scripts_have_unix_line_ends():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in ("report", "test", "lab", "apps", "bench"):
        assert re.search(rf"^{target}:", makefile, re.M), target
    for script in ("Makefile", ".ci/run", ".ci/browser"):
        assert b"\r" not in (ROOT / script).read_bytes()
