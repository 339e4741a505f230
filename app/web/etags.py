"""ETag is the revision of a thing: read with a GET, sent back with If-Match by who edits."""

import re

from app.web.problems import refuse

TAG = re.compile(r'(W/)?"([0-9]{1,12})"')


def etag(revision: int) -> str:
    """The ETag of *revision*."""
    return f'"{revision}"'


def revision_in(if_match: str | None) -> int | None:
    """The revision that an If-Match header asks for; None for any."""
    if if_match is None or if_match.strip() == "*":
        return None
    match = TAG.fullmatch(if_match.strip())
    if match is None or not int(match[2]):
        raise refuse(
            412, "Precondition failed", 'If-Match takes the ETag of a GET, such as "3", or *', field="If-Match"
        )
    return int(match[2])


def is_known(if_none_match: str | None, tag: str | None) -> bool:
    """Whether who asks has *tag* already: answer 304."""
    if if_none_match is None or tag is None:
        return False
    return if_none_match.strip() == "*" or tag in [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
