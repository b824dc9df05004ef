"""The likely encoding of bytes that are not valid in the expected one, and the kinds of binary files."""

from __future__ import annotations

import codecs
import math
import unicodedata
from collections import Counter, defaultdict
from functools import cache

_HEAD_BYTES = 4096
_MARKS = {
    codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
_WIDE = {"x000": "utf-32-le", "000x": "utf-32-be", "x0x0": "utf-16-le", "0x0x": "utf-16-be"}  # 0: mostly NUL bytes
_SAMPLE_BYTES = 1 << 15  # encodings are compared on this many bytes at most
_CERTAIN = 4.0  # the difference of log-likelihoods from which on the better encoding is named
_LEAST = -9.5  # log-likelihood per character; an encoding below it is not named, even if all others are worse
_RARE_ENCODING = -7.0  # log-probability of a rarely used encoding
_WRONG_PLACE = -9.0  # log-likelihood of a character in an impossible place
_END_OF_LATIN, _EAST_ASIA = "\u0250", "\u2e80"


_SAVE_SHEET = "open it in a spreadsheet program and save the sheet as csv (UTF-8)"
_EXPORT_COLUMNS = "write its columns as csv or jsonl, for example with pandas"
_NOT_GZIP = "(only gzip is read as it is)"
_SPREADSHEET = f"an Excel or LibreOffice document: {_SAVE_SHEET}"
_BINARY = {  # first bytes -> kind of file and remedy
    b"PK\x03\x04": "a zip archive: unpack it and name the files in it",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": f"an old Excel or Word document: {_SAVE_SHEET}",
    b"PAR1": f"a Parquet file: {_EXPORT_COLUMNS}",
    b"ARROW1": f"an Arrow (Feather) file: {_EXPORT_COLUMNS}",
    b"SQLite format 3\0": "an SQLite database: export the table as csv",
    b"\x89HDF": f"an HDF5 file: {_EXPORT_COLUMNS}",
    b"\x93NUMPY": "a NumPy array: write its rows as text, csv or jsonl",
    b"%PDF-": "a PDF document: save its text as a plain text file",
    b"BZh": f"a bzip2 archive: unpack it with bunzip2 {_NOT_GZIP}",
    b"\xfd7zXZ": f"an xz archive: unpack it with unxz {_NOT_GZIP}",
    b"\x28\xb5\x2f\xfd": f"a zstd archive: unpack it with unzstd {_NOT_GZIP}",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it and name the files in it",
    b"Rar!\x1a\x07": "a rar archive: unpack it and name the files in it",
}
_UNKNOWN_BINARY = "a binary file: pass a text file: tsv, csv, jsonl, fastText or plain text"
_IN_SPREADSHEETS = (b"[Content_Types].xml", b"xl/", b"opendocument.spreadsheet")
_MANY_NULS = 0.1
_NOT_IN_TEXT = bytes([*range(9), *range(14, 27), *range(28, 32)])


def binary_kind(head: bytes) -> str | None:
    """The kind of binary file that begins with these bytes, and the remedy, for a message; None for text, which may be
    UTF-16 or UTF-32 without a byte order mark."""
    head = head[:_HEAD_BYTES]
    kind = next((kind for beginning, kind in _BINARY.items() if head.startswith(beginning)), None)
    if kind is not None and head.translate(None, _NOT_IN_TEXT) != head:
        return _SPREADSHEET if head.startswith(b"PK") and any(name in head for name in _IN_SPREADSHEETS) else kind
    has_many_nuls = len(head) >= 16 and head.count(0) > _MANY_NULS * len(head)
    return _UNKNOWN_BINARY if has_many_nuls and not (marked_encoding(head) or wide_encoding(head)) else None


def likely_encoding(sample: bytes) -> str | None:
    """The encoding of the bytes, by a byte order mark or by the likelihood of the decoded text; None if two different
    texts are about equally likely. Among encodings that decode the bytes alike, a Windows code page is preferred."""
    certain = marked_encoding(sample) or wide_encoding(sample[:_HEAD_BYTES])
    if certain is not None:
        return certain
    if _is_mostly_utf8(sample):
        return "utf-8"
    sample = sample[:_SAMPLE_BYTES]
    readings: dict[str, list[tuple[float, str]]] = defaultdict(list)  # text -> encodings that give it
    for encoding in _ENCODINGS:
        text = sample.decode(encoding, "replace")
        readings[text].append((_log_likelihood(text, encoding), encoding))
    (best, text), (second, _) = sorted(((max(alike)[0], text) for text, alike in readings.items()), reverse=True)[:2]
    characters = sum(character > "\x7f" for character in text)
    if best - second < _CERTAIN or best < _LEAST * characters:
        return None
    return next(encoding for likelihood, encoding in readings[text] if likelihood > best - _CERTAIN)


def _log_likelihood(text: str, encoding: str) -> float:
    """The log-likelihood of the characters beyond ASCII, in the most likely language of the encoding."""
    text = f" {text} "
    places = Counter((text[i - 1], text[i], text[i + 1]) for i in range(1, len(text) - 1) if text[i] > "\x7f")
    misplaced = sum(count for place, count in places.items() if _is_misplaced(*place))
    characters = Counter(character for character in text if character > "\x7f")
    best = max(
        sum(count * _log_probability(character, language) for character, count in characters.items())
        for language in _ENCODINGS[encoding]
    )
    return best + _WRONG_PLACE * misplaced + (_RARE_ENCODING if encoding in _RARE else 0.0)


def _is_misplaced(before: str, character: str, after: str) -> bool:
    """Whether a character is in an impossible place: currency away from numbers, an opening quote after a letter, a
    capital inside a word, a letter of another script alone or beside a Latin one."""
    if character in "£€¥¢":
        return not any(neighbour.isdigit() or neighbour.isspace() for neighbour in (before, after))
    if character in "‚„«¿¡":
        return before.isalnum() or after.isspace()
    if character in "”»":
        return before.isspace() or not before
    if character in "²³½¼¾":
        return after.isalpha()
    if unicodedata.category(character)[0] not in "LM":
        return False
    is_alone = not (before + after).strip()
    is_capital_inside = character.isupper() and before.islower()
    if character < _END_OF_LATIN:
        is_crowded = all(neighbour > "\x7f" and neighbour.isalpha() for neighbour in (before, after))
        return is_capital_inside or is_alone or is_crowded or before.isdigit() or after.isdigit()
    if character >= _EAST_ASIA:
        return False
    is_beside_latin = any(neighbour.isalpha() and neighbour < _END_OF_LATIN for neighbour in (before, after))
    return is_beside_latin or is_capital_inside or is_alone


def marked_encoding(head: bytes) -> str | None:
    """The encoding whose byte order mark comes first, or None."""
    return next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), None)


def is_utf8(sample: bytes) -> bool:
    """Whether the bytes are valid UTF-8 beyond ASCII; the last character may be cut."""
    try:
        return not codecs.getincrementaldecoder("utf-8")().decode(sample).isascii()
    except UnicodeDecodeError:
        return False


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, recognized by the positions of NUL bytes in its ASCII characters; None for others."""
    if len(head) < 16 or head.count(0) < 0.3 * len(head):
        return None
    columns = (head[begin::4] for begin in range(4))
    return _WIDE.get("".join("0" if column.count(0) > 0.5 * len(column) else "x" for column in columns))


def _is_mostly_utf8(sample: bytes) -> bool:
    """Whether the bytes are UTF-8, perhaps with a few damaged ones among many characters beyond ASCII."""
    if is_utf8(sample) or sample.isascii():
        return True
    text = sample.decode("utf-8", "replace")
    return sum(character > "\x7f" for character in text) > 10 * text.count("\ufffd")


# The letters of a language that are not ASCII, the most frequent first: their probabilities follow Zipf's law. Among
# encodings that decode a file alike, the first is named, so Windows code pages come before ISO ones.
_CYRILLIC = {
    "Russian": "оеаинтсрвлкмдпуяызьбгчйхжшюцщэфъё",
    "Ukrainian": "оаинвітерслкмудпязьгбчхйцжїшюєщфґ",
    "Bulgarian": "аиоентрсвлкдпмзяъбугчйщхжцшюфь",
}
_WESTERN = {
    "English": "éèïñöüçâêáàóíäôë",
    "French": "éèàêçôùîâœûëïæÿü",
    "German": "üäößéàè",
    "Spanish": "óíáéñú¿¡üºªç",
    "Portuguese": "ãçáéíóêõâúàôü",
    "Italian": "èàùòéìî",
    "Swedish": "äåöéüà",
    "Danish": "åøæéäö",
    "Icelandic": "íáðéóöúþýæ",
    "Catalan": "àéèíóòçúïü·",
}
_CENTRAL = {
    "Polish": "łąężśóćńź",
    "Czech": "íáéěřčžýšůúňťďó",
    "Slovak": "áíčéžýúšťľôňäďóĺŕ",
    "Hungarian": "áéőöíüóúű",
    "Romanian": "ăîşâţ",
    "Croatian": "čšžćđ",
}
_BALTIC = {"Lithuanian": "ėšįžųūčąę", "Latvian": "āīēšūņļģķžč", "Estonian": "äõüöšž"}
_GREEK = {"Greek": "αοιετσνηυρπκμλίςόάγδέωήθύχβφώξζψϊϋΐΰ"}
_ARABIC = {"Arabic": "اليمنوترةبعدسفهكقحجأطشىصخإذزضغثئءظؤآپچگژ\u0640\u060c\u061f\u061b"}
_THAI = {
    "Thai": "านรอกเง่ม้ยลวดทสต\u0e31\u0e34ปบคห\u0e35แขจะใ\u0e37ไพช\u0e38โผซถ\u0e39ธ\u0e4cศณภ\u0e36\u0e33็ษญฟฉฐฎๆฝฯฤฏฒ"
}
_ENCODINGS: dict[str, dict[str, str]] = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "cp1254": {"Turkish": "ıüşçğöâîû"},
    "cp1257": _BALTIC,
    "cp1251": _CYRILLIC,
    "cp1253": _GREEK,
    "cp1255": {"Hebrew": "יוהלאתרבמשנדקעחכפםטסגזןצךףץ"},
    "cp1256": _ARABIC,
    "cp874": _THAI,
    "gb18030": {"Chinese": ""},
    "big5": {"Taiwanese": ""},
    "cp949": {"Korean": ""},
    "cp932": {"Japanese": ""},
    "euc_jp": {"Japanese": ""},
    "koi8-r": {"Russian": _CYRILLIC["Russian"]},
    "koi8-u": {"Ukrainian": _CYRILLIC["Ukrainian"]},
    "iso8859-15": _WESTERN,
    "iso8859-2": _CENTRAL,
    "iso8859-13": _BALTIC,
    "iso8859-7": _GREEK,
    "iso8859-6": _ARABIC,
    "iso8859-5": _CYRILLIC,
    "cp866": _CYRILLIC,
    "mac-roman": _WESTERN,
}
_RARE = frozenset(list(_ENCODINGS)[list(_ENCODINGS).index("euc_jp") :])
# Characters and syllables that make up a large part of every text.
_COMMON = {
    "Chinese": (
        "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后"
        "小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长"
        "知民样现分将外但身些与高意进很今市新电"
    ),
    "Taiwanese": (
        "的一是不了在人有我他這中大來上個國到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她里後"
        "小麼心多天而能好都然沒日於起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長"
        "知民樣現分將外但身些與高意進很今市新電體"
    ),
    "Korean": (
        "이다는의가을에고하지도한를서은로기사어리그으나자아인대라정시있었일해부전스여안제보장수들상니게관만우"
        "원습것주면세성선구조무않"
    ),
    "Japanese": "",
}
# The first bytes, from and to, of common characters, in encodings that sort rare characters after them.
_DAILY = {
    "Chinese": ("gb2312", 0xB0, 0xD7),
    "Taiwanese": ("big5", 0xA4, 0xC6),
    "Korean": ("euc_kr", 0xB0, 0xC8),
    "Japanese": ("cp932", 0x88, 0x98),
}
_LETTERS = {language: letters for languages in _ENCODINGS.values() for language, letters in languages.items()}
_SIGNS = {**dict.fromkeys("\xa0£€«»–—…‘’“”‚„", -4.0), **dict.fromkeys("¥¢§°·•™®©½¼¾×²³´№\u200e\u200f", -7.0)}
_IMPOSSIBLE, _UNLIKELY, _UPPER_CASE = -20.0, -11.0, -2.5
_FREQUENT, _IN_DAILY_USE, _KANA, _WIDE_MARK = -5.3, -8.8, {"hiragana": -4.5, "katakana": -6.0}, -4.5


@cache
def _log_probability(character: str, language: str) -> float:
    """The log-probability of a character among those of a language that are not ASCII, ignoring its neighbours."""
    if "\x80" <= character < "\xa0" or character == "\ufffd":
        return _IMPOSSIBLE
    if language in _COMMON:
        return _east_asian_log_probability(character, language)
    letters = _LETTERS[language]
    if character in _SIGNS:
        return _SIGNS[character]
    lower = {"İ": "ı"}.get(character, character.lower())
    place = letters.find(lower) if len(lower) == 1 else -1
    if place < 0:
        return _UNLIKELY
    total = sum(1 / (rank + 2) for rank in range(len(letters)))
    return math.log(1 / (place + 2) / total) + (_UPPER_CASE if character != lower else 0.0)


def _east_asian_log_probability(character: str, language: str) -> float:
    code = ord(character)
    if character in _COMMON[language]:
        return _FREQUENT
    if 0x3000 <= code <= 0x303F or 0xFF01 <= code <= 0xFF5E or character in "·“”‘’…—":
        return _WIDE_MARK
    if language == "Japanese" and 0x3041 <= code <= 0x3096:
        return _KANA["hiragana"]
    if language == "Japanese" and 0x30A1 <= code <= 0x30FE:
        return _KANA["katakana"]
    encoding, first, last = _DAILY[language]
    try:
        lead = character.encode(encoding)[0]
    except UnicodeEncodeError:
        return _UNLIKELY
    return _IN_DAILY_USE if first <= lead <= last else _UNLIKELY
