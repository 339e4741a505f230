"""The documents, the Makefile and the lock file say what is true."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from tests.house.command_lines import FANFARE, ROOT, arguments_in, lines_in, problem_with

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LOCK = (ROOT / "requirements.lock").read_text()


def name_of(path: Path) -> str:
    """The page as people call it."""
    return str(path.relative_to(ROOT))


def examples_of(command: Any) -> list[str]:
    """The example lines in the help of *command* and of all below it."""
    own = [line.strip() for line in (command.epilog or "").splitlines() if "fanfare " in line]
    inner = getattr(command, "commands", {}).values()
    return own + [line for each in inner for line in examples_of(each)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_names_only_commands_that_exist(page: Path) -> None:
    """Who copies a line from the README expects it to work."""
    text = page.read_text()
    assert {shlex.join(line): problem for line in lines_in(text) if (problem := problem_with(line))} == {}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^    |`)(?:N=\d+ )?make ([a-z-]+)", text, re.MULTILINE)) <= targets


def test_the_examples_in_the_help_are_taken_by_the_command() -> None:
    """They are what people try first."""
    lines = examples_of(FANFARE)
    assert len(lines) > 10
    told = {line: problem_with(arguments_in(re.split(r"(?:^| )fanfare ", line)[1])) for line in lines}
    assert {line: problem for line, problem in told.items() if problem} == {}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "Makefile"], ids=name_of)
def test_a_page_names_only_settings_that_exist(page: Path) -> None:
    """A setting that is misspelt in the documents is silently ignored."""
    named = set(re.findall(r"FANFARE_[A-Z_]*[A-Z]", page.read_text()))
    assert named <= {f"FANFARE_{field.upper()}" for field in Settings.model_fields}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    """Files move; links stay behind."""
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_every_package_of_the_lock_file_has_a_version_and_hashes() -> None:
    """What is installed is what was tested, byte for byte."""
    packages = re.split(r"^(?=[a-z0-9])", LOCK.replace("\\\n", ""), flags=re.MULTILINE)[1:]
    assert len(packages) > 50
    for package in packages:
        assert re.match(r"[a-z0-9._-]+==[^ ;]+", package)
        assert "--hash=sha256:" in package


def test_no_address_of_a_package_index_is_in_the_repository() -> None:
    """Where packages come from is the business of the machine: a mirror, a company's index."""
    for name in ("requirements.lock", "pyproject.toml", "Makefile", "Dockerfile", "deploy/kafka-jars.txt", ".ci/run"):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host", text), name


def test_what_the_project_declares_is_in_the_lock_file() -> None:
    """A dependency that is added and not locked is missing on every fresh machine."""
    project = (ROOT / "pyproject.toml").read_text()
    declared = re.findall(
        r'"([a-z][a-z0-9.-]*)(?:[><=;].*)?"[,\]]', project.split("dependencies = [", 1)[1].split("[project.scripts]")[0]
    )
    locked = {re.sub(r"[._]", "-", name) for name in re.findall(r"^([a-z0-9._-]+)==", LOCK, re.MULTILINE)}
    assert {name.replace(".", "-") for name in declared} - locked == set()
