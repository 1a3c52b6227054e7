"""Early-bird masks: the end of a round's training changes few of the weights it would keep, and can be left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pruning.mask import Mask


def moved(before: Mask, now: Mask) -> float:
    """Share of the weights that `before` keeps and `now` does not; in [0, 1], 0 where nothing is kept.

    Of masks that keep equally many, this is half their Hamming distance over the weights kept (the mask distance of
    You et al. 2020, section 3.2, who divide by all channels).
    """
    return 1 - (before & now).kept / before.kept if before.kept else 0.0


@dataclass
class Watch:
    """Looks, when it is asked, at the mask that a training would choose if it ended now.

    Attributes:
        choose: makes that mask; the training's weights stay as they are.
        tolerance: what may have `moved` between two looks for the mask to count as settled.
        last_moved: between the last two looks; None before the second.
    """

    choose: Callable[[], Mask]
    tolerance: float
    last_moved: float | None = None
    _last: Mask | None = field(default=None, repr=False)

    def has_settled(self) -> bool:
        """Looks, and says whether the mask has settled since the look before."""
        now = self.choose()
        self.last_moved = None if self._last is None else moved(self._last, now)
        self._last = now
        return self.last_moved is not None and self.last_moved <= self.tolerance
