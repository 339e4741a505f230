"""Whose turn it is: campaigns share equally, whatever the number of their classes."""

from collections import deque

from app.delivery.partition import ClassKey


class Turns:
    """Classes that wait for credit in one lane of one partition: campaigns in rotation, and in each its classes."""

    __slots__ = ("_campaigns", "_classes")

    def __init__(self) -> None:
        self._campaigns: deque[str] = deque()
        self._classes: dict[str, deque[ClassKey]] = {}

    def add(self, key: ClassKey) -> None:
        """Queue *key* behind the other classes of its campaign, and a new campaign behind the others."""
        classes = self._classes.get(key.campaign)
        if classes is None:
            classes = self._classes[key.campaign] = deque()
            self._campaigns.append(key.campaign)
        classes.append(key)

    def take(self) -> ClassKey | None:
        """Take out the class whose turn it is; its campaign moves to the end. None when nobody waits."""
        if not self._campaigns:
            return None
        campaign = self._campaigns.popleft()
        classes = self._classes[campaign]
        key = classes.popleft()
        if classes:
            self._campaigns.append(campaign)
        else:
            del self._classes[campaign]
        return key
