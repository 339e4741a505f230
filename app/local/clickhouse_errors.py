"""ClickHouse's error codes: which HTTP status each becomes, and how the engine's text tells them."""

import re

UNKNOWN_TABLE = 60
SYNTAX_ERROR = 62
NOT_IMPLEMENTED = 48
UNKNOWN_SETTING = 115
READONLY = 164
TOO_MANY_SIMULTANEOUS_QUERIES = 202
CANNOT_DECOMPRESS = 271
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
AUTHENTICATION_FAILED = 516
TOO_LARGE = 307  # TOO_MANY_BYTES
UNKNOWN_EXCEPTION = 1002

# As the server's own exceptionCodeToHTTPStatus; what is not listed is 500.
_STATUS_OF_CODES = {
    403: (193, 194, AUTHENTICATION_FAILED, 497),
    400: (6, 25, 26, 27, 33, 38, 41, 53, 62, 69, 72, 117, 168, 190, 223, 224, 225, 321, 456, 457),
    404: (46, 47, 50, 56, UNKNOWN_TABLE, 63, 73, 78, 81, 115, SESSION_NOT_FOUND),
    408: (159,),
    413: (TOO_LARGE,),
    501: (NOT_IMPLEMENTED,),
    503: (209, 439),
}
HTTP_STATUS = {code: status for status, codes in _STATUS_OF_CODES.items() for code in codes}

CODE = re.compile(r"Code: (\d+)\. (?=DB::)")


class EngineError(Exception):
    """The engine, or the interface in front of it, refused a statement, with ClickHouse's *code*."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return HTTP_STATUS.get(self.code, 500)


def refusal(code: int, name: str, why: str) -> EngineError:
    """An error of the interface itself, worded as the engine's."""
    return EngineError(code, f"Code: {code}. DB::Exception: {why}. ({name})")


def error_in(text: str) -> EngineError:
    """The engine's error from the *text* of what chDB raised."""
    found = CODE.search(text)
    if not found:
        return refusal(
            UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION", text.strip().splitlines()[0] if text.strip() else "no reason given"
        )
    return EngineError(int(found.group(1)), text[found.start() :].strip())
