"""Of which category the WhatsApp templates of a campaign are: it decides which suppressions stop them."""

from collections import OrderedDict

from pydantic import ValidationError

from app.commands import CampaignEntry
from app.specs import Content
from app.stream.directory import Directory

KEPT = 1_000  # contents of which it is remembered


class Categories:
    """Looks into the contents that are here. What is not here, or cannot be read, counts as marketing."""

    def __init__(self, contents: Directory) -> None:
        self._contents = contents
        self._known: OrderedDict[str, bool] = OrderedDict()

    def is_marketing(self, entry: CampaignEntry) -> bool:
        """Whether one of the templates of *entry*, in any language, is one of marketing."""
        idents = set(entry.contents.values()) or {entry.spec.content_id}
        return any(self._is_marketing(ident) for ident in idents)

    def _is_marketing(self, ident: str) -> bool:
        known = self._known.get(ident)
        if known is not None:
            return known
        raw = self._contents.entries.get(ident)
        if raw is None:
            return True
        try:
            content = Content.model_validate_json(raw)
        except ValidationError:
            return True
        found = [each.whatsapp for each in (content, *content.locales.values()) if each.whatsapp is not None]
        marketing = not found or any(each.category == "marketing" for each in found)
        self._known[ident] = marketing
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return marketing
