"""A subject that goes before that of a content."""

from app.specs import Content


def with_subject(content: Content, subject: str) -> Content:
    """*content* with *subject* in every language; unchanged when that is empty."""
    if not subject:
        return content
    locales = {name: parts.model_copy(update={"subject": ""}) for name, parts in content.locales.items()}
    return content.model_copy(update={"subject": subject, "locales": locales})
