"""The stages of the road that `fanfare bench` measures alone: what each is, and how often it is run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from app.cli.demo_run import demo_content
from app.content.email_template import compile_email
from benchmarks import compose_bench, gate_bench, http_bench, pace_bench, record_bench, send_bench
from benchmarks.stand import Measured


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: *run* measures it once, with so many messages; of pace, so many looks."""

    name: str
    what: str
    unit: str
    bar: int  # a second, on two cores
    run: Callable[[int], Measured]
    messages: int
    messages_short: int
    runs: int = 3


@dataclass
class StageResult:
    """Some runs of one stage."""

    per_second: float  # the median
    least: float
    most: float
    cpu_us: float  # of the worker, a message: the median
    runs: int
    details: dict[str, float] = field(default_factory=dict)


def _compose(messages: int) -> Measured:
    letter = demo_content()
    template = compile_email(letter, compose_bench.SENDER, compose_bench.LINKS)
    figures = compose_bench.measure(template, messages, 1)
    logic = letter.model_copy(update={"html": letter.html.replace("</body>", compose_bench.LOGIC)})
    slow = compose_bench.measure(compile_email(logic, compose_bench.SENDER, compose_bench.LINKS), messages, 1)
    return Measured(figures["per_second"], figures["us_each"], {"with_logic_per_second": slow["per_second"]})


STAGES = (
    Stage("gate", "each recipient checked and written", "recipients", 40_000, gate_bench.main, 200_000, 20_000),
    Stage("pace", "2,000 classes, 3 routes, 8 partitions", "credits", 100_000, pace_bench.main, 50, 8, 5),
    Stage("compose", "6 KB of HTML, ten signed links, MIME", "messages", 8_000, _compose, 3_000, 500, 5),
    Stage("send", "ledger, journal, SMTP, ready-made messages", "messages", 14_000, send_bench.main, 100_000, 5_000),
    Stage("http", "SES, one message a request", "messages", 1_500, partial(http_bench.measure, "ses"), 20_000, 500),
    Stage("batch", "SendGrid, 100 a request", "messages", 15_000, partial(http_bench.measure, "sendgrid"), 50_000, 900),
    Stage("record", "events into ClickHouse", "rows", 100_000, record_bench.main, 500_000, 50_000),
)  # fmt: skip


def run(stage: Stage, *, short: bool, tell: Callable[[str], object]) -> StageResult:
    """Measure *stage* alone, several times unless *short*."""
    runs = []
    for number in range(1 if short else stage.runs):
        tell(f"{stage.name}: run {number + 1} of {1 if short else stage.runs}")
        runs.append(stage.run(stage.messages_short if short else stage.messages))
    rates = [each.per_second for each in runs]
    return StageResult(
        median(rates), min(rates), max(rates), median(each.cpu_us for each in runs), len(runs), runs[-1].details
    )
