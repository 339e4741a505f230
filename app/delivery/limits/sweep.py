"""What the book of limits need not know any more: bounds and meters that would be the same if they were made anew.

Limits come and go, and one for "*" has a meter for each thing that it was ever asked about. A bucket may go once it is
full, a cap a day after its window: so removing a limit and setting it again gains nobody anything.
"""

from app.delivery.limits.book import LimitBook
from app.delivery.limits.bounds import Bound, Metered, Places, Shaped
from app.delivery.limits.caps import KEPT, Cap
from app.delivery.limits.moving_caps import MovingCap
from app.delivery.limits.rates import Bucket

LONGEST_WINDOW = 90_000.0  # seconds: a day in which clocks are put back


def sweep(book: LimitBook, now: float) -> None:
    """Forget what is idle at *now*; the names of meters are then among those to be stored."""
    bounds = [name for name, bound in book.bounds.items() if not bound.line and _is_idle(bound, now)]
    book.forget_bounds(bounds)
    meters = {**book.buckets, **book.caps}
    book.forget_meters([name for name, meter in meters.items() if name not in book.bounds and _is_spare(meter, now)])
    old = now - KEPT - LONGEST_WINDOW
    book.forget_meters([name for name, stored in book.stored_caps.items() if stored[0] < old])


def _is_idle(bound: Bound, now: float) -> bool:
    if isinstance(bound, Metered):
        return _is_spare(bound.meter, now)
    return isinstance(bound, Places | Shaped) and bound.used == 0


def _is_spare(meter: object, now: float) -> bool:
    if isinstance(meter, Bucket):
        return meter.room(now) >= 0 and meter.tokens >= meter.capacity
    return isinstance(meter, Cap | MovingCap) and meter.is_spare(now)
