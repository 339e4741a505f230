"""The picture of a message's time says what its timeline says."""

from app.delivery.explain.story import Explanation, Step, Waiting
from app.web.timeline import Stretch, picture_of

T = 1_800_000_000.0


def told(*steps: Step, waiting: Waiting | None = None) -> Explanation:
    """An explanation."""
    return Explanation("m", "c", "r", "a", "SENT", waiting is None, "", list(steps), waiting)


QUEUED = Step(T, "queued", "let through")


def test_stretches_and_marks_lie_where_they_happened() -> None:
    """Half of the time for its turn is half of the picture; a pause is drawn over what it interrupts."""
    picture = picture_of(
        told(
            QUEUED, Step(T, "waited", "", figures={"seconds": 50.0}),
            Step(T + 10, "campaign", "", rule="campaign.paused"), Step(T + 20, "campaign", "", rule="campaign.running"),
            Step(T + 50, "deferred", "451"), Step(T + 50, "retry", "", figures={"due": T + 100}),
            Step(T + 100, "sent", "250"), Step(T + 5_000, "opened", ""),
        ),
        T + 9_999,
    )  # fmt: skip
    assert picture is not None and (picture.begins, picture.ends) == (T, T + 100)
    assert [(each.x, each.width, each.tone) for each in picture.stretches] == [
        (0, 500, "turn"), (500, 500, "retry"), (100, 100, "paused"),
    ]  # fmt: skip
    assert [(each.x, each.tone) for each in picture.marks] == [(500, "deferred"), (1000, "sent")]


def test_what_waits_now_is_drawn_up_to_now() -> None:
    """The picture of one that is not final ends at this moment, whatever it waits for."""
    waiting = Waiting("group|gmail", "it waits for gmail", T)
    picture = picture_of(told(QUEUED, waiting=waiting), T + 40)
    assert picture is not None
    assert picture.stretches == [Stretch(0, 1000, "turn", "40 s it waits for gmail")]
    again = Step(T, "retry", "", figures={"due": T + 500})
    picture = picture_of(told(QUEUED, again, waiting=Waiting("retry.soft", "", T, T + 500)), T + 40)
    assert picture is not None and [each.tone for each in picture.stretches] == ["retry"]
    paused = Step(T + 20, "campaign", "", rule="campaign.paused")
    picture = picture_of(told(QUEUED, paused, waiting=Waiting("state|c", "", T + 20)), T + 40)
    assert picture is not None and [each.tone for each in picture.stretches] == ["turn", "paused"]


def test_there_is_no_picture_of_a_moment() -> None:
    """A message that went out at once is told in words."""
    assert picture_of(told(QUEUED, Step(T + 0.4, "sent", "250")), T) is None
    assert picture_of(told(), T) is None
