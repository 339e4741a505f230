"""How many SMS a text takes: 3GPP TS 23.038. Counted here anew, so that it checks what Fanfare counts."""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
TWO = frozenset("\f^{}\\[~]|€")  # characters that take two septets


def parts_of(text: str) -> int:
    """1 for 160 septets, or 70 UTF-16 units where GSM-7 does not do; more parts hold 153, or 67, each."""
    if all(each in BASIC or each in TWO for each in text):
        return _packed([2 if each in TWO else 1 for each in text], 160, 153)
    return _packed([2 if ord(each) > 0xFFFF else 1 for each in text], 70, 67)


def _packed(sizes: list[int], alone: int, each_part: int) -> int:
    if sum(sizes) <= alone:
        return 1
    parts, left = 1, each_part
    for size in sizes:  # a character is never divided between two parts
        if size > left:
            parts, left = parts + 1, each_part
        left -= size
    return parts
