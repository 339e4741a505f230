"""The commands in docs/kafka.md are commands, and every kind has one."""

import json
import re
from typing import get_args

from app.commands import Answer, Command, CommandKind
from tests.house.command_lines import ROOT

PAGE = (ROOT / "docs" / "kafka.md").read_text()
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def examples() -> list[dict[str, object]]:
    """Every JSON object of the page: one a block, or one a line."""
    found = []
    for block in BLOCKS:
        try:
            found.append(json.loads(block))
        except json.JSONDecodeError:
            found += [json.loads(line) for line in block.splitlines()]
    return found


def test_the_examples_are_taken_by_the_door() -> None:
    """
    People copy them.
    """
    commands = [Command.model_validate(each) for each in examples() if "kind" in each]
    assert {each.kind for each in commands} == set(get_args(CommandKind)), "every kind has an example"
    answers = [Answer.model_validate(each) for each in examples() if "status" in each]
    assert answers and answers[0].position > 0
