"""The judge: compares who should have had a message with the sink's own record. Knows nothing of Fanfare's state.

    python -m tests.chaos.judge --sink var/sink.txt --expected expected.txt --unknown unknown.txt

Every file holds one message id (32 hex digits) a line, the sink's with more words after it. Lost is who is
neither accepted by the sink nor listed as unknown nor as refused by it; duplicated is who was accepted twice.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one run."""

    audience: int
    accepted: int  # people the sink took a message for
    lost: int
    duplicated: int  # messages beyond the first, over all people
    unknown: int  # listed as unknown
    unknown_never_sent: int
    foreign: int  # accepted by the sink, meant for nobody

    @property
    def clean(self) -> bool:
        """Nobody lost, nobody mailed who should not be."""
        return not self.lost and not self.foreign


def judge(
    expected: Iterable[str], accepted: Iterable[str], unknown: Iterable[str], refused: Iterable[str]
) -> Judgement:
    """The verdict over message ids; *refused* are those the sink turned away for good."""
    wanted, doubtful, turned_away = set(expected), set(unknown), set(refused)
    taken = Counter(accepted)
    return Judgement(
        audience=len(wanted),
        accepted=len(taken),
        lost=len(wanted - set(taken) - doubtful - turned_away),
        duplicated=sum(taken.values()) - len(taken),
        unknown=len(doubtful),
        unknown_never_sent=len(doubtful - set(taken)),
        foreign=len(set(taken) - wanted),
    )


def first_words(path: Path) -> list[str]:
    """The first word of each line; none when there is no file."""
    if not path.exists():
        return []
    with path.open() as lines:
        return [line.split(None, 1)[0] for line in lines if line.strip()]


def main() -> int:
    """Judge files; exit code 1 when somebody was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("sink", "expected"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("unknown", "refused"):
        parser.add_argument(f"--{name}", type=Path, default=Path("/nonexistent"))
    given = parser.parse_args()
    verdict = judge(
        first_words(given.expected), first_words(given.sink), first_words(given.unknown), first_words(given.refused)
    )
    sys.stdout.write(json.dumps(asdict(verdict)) + "\n")
    return 0 if verdict.clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
