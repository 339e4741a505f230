"""Names of charsets as mail has them -> as Python has them, where these differ or a wider one is meant."""

SAME_AS = {
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "gb_2312-80": "gb18030", "euc-cn": "gb18030",
    "hz-gb-2312": "hz", "big5": "big5hkscs", "x-big5": "big5hkscs", "cn-big5": "big5hkscs",
    "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949", "euc-kr": "cp949", "ksc5601": "cp949", "korean": "cp949",
    "x-windows-949": "cp949", "windows-949": "cp949",
    "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "sjis": "cp932", "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_2", "iso-2022-jp-ms": "iso2022_jp_ext",
    "iso-8859-8-i": "iso-8859-8", "iso-8859-8-e": "iso-8859-8", "windows-874": "cp874", "tis-620": "cp874",
    "unicode-1-1-utf-7": "utf-7", "unicode-1-1-utf-8": "utf-8", "x-unicode-2-0-utf-8": "utf-8", "utf8": "utf-8",
    "utf8mb4": "utf-8", "us-ascii": "ascii", "ansi_x3.4-1968": "ascii", "x-user-defined": "cp1252",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "iso8859-1": "cp1252", "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman", "x-mac-japanese": "cp932", "cp-850": "cp850", "x-unknown": "cp1252",
    "unknown-8bit": "cp1252", "iso-8859-9": "cp1254", "x-mac-ce": "mac-latin2", "x-cp1250": "cp1250",
    "x-cp1251": "cp1251", "windows-1251": "cp1251", "koi8-ru": "koi8-u",
}  # fmt: skip

# Python has codecs of these names; no mail is written in them, and some are slow.
NO_CHARSETS = frozenset({
    "idna", "punycode", "undefined", "unicode_escape", "unicode-escape", "raw_unicode_escape", "raw-unicode-escape",
    "mbcs", "oem", "",
})  # fmt: skip
