"""Forms as multipart/form-data: https://www.rfc-editor.org/rfc/rfc7578"""

import re

from app.local.simulators.call import Call, Form, form_in

MOST_PARTS = 5_000
_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


def form_of(call: Call) -> Form | None:
    """The fields of the form in *call*, urlencoded or multipart; None when it cannot be read."""
    kind = call.headers.get("Content-Type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        return form_in(call.body)
    boundary = _BOUNDARY.search(kind)
    if not kind.startswith("multipart/form-data") or boundary is None:
        return None
    pieces = (b"\r\n" + call.body).split(b"\r\n--" + boundary[1].encode("latin-1", "replace"), MOST_PARTS + 2)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        return None
    form: Form = {}
    for piece in pieces[1:-1]:
        head, blank, value = piece.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if not blank or name is None:
            return None
        text = name[1].replace(b"%22", b'"').decode("utf-8", "replace")
        form.setdefault(text, []).append(value.decode("utf-8", "replace"))
    return form
