"""How likely a character that is not ASCII is in a text of a language: log-probabilities, coarse but comparable, so
that the encoding in which bytes read best can be found. Letters are listed by their frequency, and their probabilities
follow Zipf's law."""

from __future__ import annotations

import math
from functools import cache

# The letters of a language that are not ASCII, the most frequent first, for each encoding that it is written in. Where
# two encodings read a file alike, the one that stands first is named, so Windows code pages come before ISO ones.
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
_TURKISH = {"Turkish": "ıüşçğöâîû"}
_BALTIC = {"Lithuanian": "ėšįžųūčąę", "Latvian": "āīēšūņļģķžč", "Estonian": "äõüöšž"}
_GREEK = {"Greek": "αοιετσνηυρπκμλίςόάγδέωήθύχβφώξζψϊϋΐΰ"}
_HEBREW = {"Hebrew": "יוהלאתרבמשנדקעחכפםטסגזןצךףץ"}
_ARABIC = {"Arabic": "اليمنوترةبعدسفهكقحجأطشىصخإذزضغثئءظؤآپچگژ\u0640\u060c\u061f\u061b"}
_THAI = {
    "Thai": "านรอกเง่ม้ยลวดทสต\u0e31\u0e34ปบคห\u0e35แขจะใ\u0e37ไพช\u0e38โผซถ\u0e39ธ\u0e4cศณภ\u0e36\u0e33็ษญฟฉฐฎๆฝฯฤฏฒ"
}
ENCODINGS: dict[str, dict[str, str]] = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "cp1254": _TURKISH,
    "cp1257": _BALTIC,
    "cp1251": _CYRILLIC,
    "cp1253": _GREEK,
    "cp1255": _HEBREW,
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
RARE = frozenset(list(ENCODINGS)[list(ENCODINGS).index("euc_jp") :])
# Characters and syllables that make up a large part of any text.
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
# Rows, by their first byte, of the characters in daily use in an encoding that sorts rare ones behind them.
_DAILY = {
    "Chinese": ("gb2312", 0xB0, 0xD7),
    "Taiwanese": ("big5", 0xA4, 0xC6),
    "Korean": ("euc_kr", 0xB0, 0xC8),
    "Japanese": ("cp932", 0x88, 0x98),
}
_LETTERS = {language: letters for languages in ENCODINGS.values() for language, letters in languages.items()}
_MARKS = {**dict.fromkeys("\xa0£€«»–—…‘’“”‚„", -4.0), **dict.fromkeys("¥¢§°·•™®©½¼¾×²³´№\u200e\u200f", -7.0)}
_IMPOSSIBLE, _UNLIKELY, _CAPITAL = -20.0, -11.0, -2.5
_FREQUENT, _IN_DAILY_USE, _KANA, _WIDE_MARK = -5.3, -8.8, {"hiragana": -4.5, "katakana": -6.0}, -4.5


@cache
def log_probability(character: str, language: str) -> float:
    """Of a character among those of a language that are not ASCII, whatever stands beside it."""
    if "\x80" <= character < "\xa0" or character == "\ufffd":
        return _IMPOSSIBLE
    if language in _COMMON:
        return _of_east_asia(character, language)
    letters = _LETTERS[language]
    if character in _MARKS:
        return _MARKS[character]
    lower = {"İ": "ı"}.get(character, character.lower())
    place = letters.find(lower) if len(lower) == 1 else -1
    if place < 0:
        return _UNLIKELY
    total = sum(1 / (rank + 2) for rank in range(len(letters)))
    return math.log(1 / (place + 2) / total) + (_CAPITAL if character != lower else 0.0)


def _of_east_asia(character: str, language: str) -> float:
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
