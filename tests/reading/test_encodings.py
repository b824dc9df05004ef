"""The likely encoding of bytes that cannot be decoded, and the kinds of binary files, in messages."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.conftest import Cli
from textrnn.errors import DataError
from textrnn.reading.decoding import read_lines
from textrnn.reading.encodings import binary_kind, likely_encoding
from textrnn.reading.source import Source
from textrnn.runtime.files import open_binary

FRENCH = "pos\tUn café très agréable, l’équipe est sympathique à midi\nneg\tÀ éviter absolument, déçu\n"
SENTENCES = [
    ("cp1254", "Bugün hava çok güzeldi, çocuklar bahçede oynadı. Akşam yemeğinde annem mercimek çorbası pişirdi ve "
               "hepimiz çok beğendik."),
    ("cp1250", "Ma szép idő volt, ezért a gyerekek a kertben játszottak. Este a nagymama finom levest főzött, és "
               "mindenki jóízűen evett."),
    ("cp1250", "Dzisiaj była piękna pogoda, więc dzieci bawiły się w ogrodzie. Wieczorem babcia ugotowała pyszną zupę "
               "i wszyscy zjedli z apetytem."),
    ("cp1250", "Dnes bylo hezké počasí, a tak si děti hrály na zahradě. Večer babička uvařila výbornou polévku a všem "
               "moc chutnala."),
    ("cp1253", "Σήμερα ο καιρός ήταν πολύ καλός και τα παιδιά έπαιζαν στον κήπο. Το βράδυ η γιαγιά μαγείρεψε μια "
               "νόστιμη σούπα και όλοι έφαγαν με όρεξη."),
    ("cp1251", "Сегодня была прекрасная погода, поэтому дети играли в саду. Вечером бабушка сварила вкусный суп, и "
               "все ели с удовольствием."),
    ("koi8-r", "Сегодня была прекрасная погода, поэтому дети играли в саду. Вечером бабушка сварила вкусный суп, и "
               "все ели с удовольствием."),
    ("cp1251", "Сьогодні була чудова погода, тому діти гралися в саду. Увечері бабуся зварила смачний борщ, і всі їли "
               "із задоволенням."),
    ("cp1256", "كان الطقس جميلا اليوم ولذلك لعب الأطفال في الحديقة. في المساء طبخت الجدة حساء لذيذا وأكل الجميع "
               "بشهية."),
    ("cp1255", "היום היה מזג אוויר נעים ולכן הילדים שיחקו בגינה. בערב סבתא בישלה מרק טעים וכולם אכלו בתיאבון."),
    ("cp874", "วันนี้อากาศดีมาก เด็กๆ จึงเล่นกันในสวน ตอนเย็นคุณยายทำแกงจืดอร่อยและทุกคนกินอย่างมีความสุข รถไฟ"),
    ("cp949", "오늘은 날씨가 아주 좋아서 아이들이 정원에서 놀았습니다. 저녁에는 할머니께서 맛있는 국을 끓이셨고 모두 "
              "맛있게 먹었습니다."),
    ("cp932", "今日は天気がとても良かったので、子どもたちは庭で遊びました。夕方、祖母がおいしいスープを作り、"
              "みんなで楽しく食べました。"),
    ("gb18030", "今天天气很好，所以孩子们在花园里玩。晚上奶奶做了一锅好喝的汤，大家都吃得很高兴。"),
    ("big5", "今天天氣很好，所以孩子們在花園裡玩。晚上奶奶做了一鍋好喝的湯，大家都吃得很高興。"),
    ("cp1252", "Aujourd’hui il faisait très beau, alors les enfants ont joué dans le jardin. Le soir, grand-mère a "
               "préparé une soupe délicieuse et tout le monde a mangé de bon cœur."),
    ("cp1252", "Heute war schönes Wetter, deshalb spielten die Kinder im Garten. Am Abend kochte die Großmutter eine "
               "köstliche Suppe, und alle aßen mit Genuss."),
    ("cp1252", "Hoy hizo buen tiempo, así que los niños jugaron en el jardín. Por la noche la abuela cocinó una sopa "
               "riquísima y todos comieron con gusto."),
    ("cp1252", "Hoje o tempo estava ótimo, então as crianças brincaram no jardim. À noite a avó fez uma sopa "
               "deliciosa e todos comeram com satisfação. O tre"),
    ("cp1252", "La città è più tranquilla di lunedì, però la verità è che non so perché. Così è la vita, né più né "
               "meno."),
    ("cp1252", "I dag var det vackert väder, så barnen lekte i trädgården. På kvällen kokade mormor en god soppa och "
               "alla åt med aptit."),
    ("cp1252", "I dag var vejret smukt, så børnene legede i haven. Om aftenen lavede bedstemor en lækker suppe, og "
               "alle spiste med glæde."),
    ("cp1252", "It’s a café in the naïve old style – “cosy”, they say. A coffee is £3, a cake £4.50. The menu hasn’t "
               "changed since 1990… I’d go again; the crème brûlé"),
    ("cp1250", "Astăzi vremea a fost frumoasă, aşa că bunica a gătit o supă gustoasă şi toţi au mâncat cu poftă. "
               "Trenul pleacă la ora nouă, dar poate întârzia din cauza zăpezii."),
    ("cp1257", "Šiandien buvo gražus oras, todėl vaikai žaidė sode. Vakare močiutė išvirė skanią sriubą ir visi valgė "
               "su malonumu."),
]  # fmt: skip
JAPANESE, CHINESE = (next(text for name, text in SENTENCES if name == encoding) for encoding in ("cp932", "gb18030"))
WIDE = [(encoding, FRENCH) for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le")]


def error_of(path: Path, content: bytes) -> str:
    """The message about a file that is read as UTF-8."""
    path.write_bytes(content)
    with open_binary(path) as stream, pytest.raises(DataError) as caught:
        list(read_lines(stream, "utf-8", path.name, "--encoding "))
    return str(caught.value)


@pytest.mark.parametrize(("encoding", "text"), [*SENTENCES, ("euc_jp", JAPANESE), *WIDE])
@pytest.mark.parametrize("copies", [1, 200])
def test_the_true_encoding_is_named_first(tmp_path: Path, encoding: str, text: str, copies: int) -> None:
    content = (text * copies).encode(encoding)
    assert likely_encoding(content) == encoding
    message = error_of(tmp_path / "x", content)
    assert message.endswith(f"--encoding {encoding}")
    assert "may be" in message or "byte order mark" in message
    assert "looks like" not in message and "it is" not in message


def pieces(encoding: str, text: str, bad_bytes: int) -> list[bytes]:
    """Beginnings of files in ASCII with a part of the text that has so many bytes beyond ASCII, from each of its words
    on; of texts without spaces, from each character on."""
    parts = [word + " " for word in text.split()] if text.count(" ") > 8 else list(text)
    found = []
    for begin in range(len(parts)):
        for end in range(begin + 1, len(parts) + 1):
            piece = "".join(parts[begin:end]).encode(encoding)
            count = sum(byte > 0x7F for byte in piece)
            if count >= bad_bytes:
                if count < 2 * bad_bytes and len(piece) > 2:
                    found.append(b"text,label\nthese are plain words " + piece + b",food\nand more of them,food\n")
                break
    return found


@pytest.mark.parametrize(("encoding", "text"), SENTENCES)
@pytest.mark.parametrize("bad_bytes", [1, 10, 1000])
def test_no_guess_reads_the_bytes_wrong(encoding: str, text: str, bad_bytes: int) -> None:
    """With one bad byte there may be no guess; with ten there is mostly one, and with many always."""
    contents = [((text + "\n") * 40).encode(encoding)] if bad_bytes == 1000 else pieces(encoding, text, bad_bytes)
    guesses = [likely_encoding(content) for content in contents]
    for content, guess in zip(contents, guesses, strict=True):
        assert guess is None or content.decode(guess) == content.decode(encoding), (guess, content)
    assert sum(guess is not None for guess in guesses) >= {1: 0, 10: 0.5, 1000: 1}[bad_bytes] * len(guesses)


@pytest.mark.parametrize(
    "text",
    ["a cup is £3 here", "they paid £1000", "“so”, he said", "it’s late – very late…", "a café", "only €5", "5 €"],
)
def test_english_with_a_single_such_character_is_read_right(text: str) -> None:
    assert likely_encoding(f"text,label\n{text},food\n".encode("cp1252")) == "cp1252"
    assert likely_encoding(f"text,label\n{text}".encode("cp1252")) == "cp1252"


def test_all_bad_bytes_of_the_beginning_decide(cli: Cli) -> None:
    """The first one alone could be Polish."""
    rows = ["text,label", "win £1000 now,spam", "at café Zoë we’ll pay £20,ham", "over the garçon’s head,ham"]
    Path("t.csv").write_bytes("\n".join([*rows * 9, ""]).encode("cp1252"))
    result = cli("vocab", "--data", "t.csv")
    assert "it may be cp1252 (it reads 'win £1000 now,spam')" in result.err
    assert result.err.endswith("try --set data.encoding=cp1252\n")


def test_the_user_sees_how_the_place_reads_in_each_encoding(tmp_path: Path) -> None:
    assert r"cp1252 (it reads 'pos\tUn café très" in error_of(tmp_path / "x", FRENCH.encode("cp1252"))


def test_damaged_utf_8_is_not_given_another_encoding(tmp_path: Path) -> None:
    message = error_of(tmp_path / "x", f"{CHINESE}\n".encode() + b"\xb5" + CHINESE.encode() * 10)
    assert message.startswith("x:2: column 1: ") and "the file is damaged here or" in message


BINARIES = {
    "book.csv": (b"PK\x03\x04\x14\x00\x06\x00\x08\x00[Content_Types].xml\xad\x91", "an Excel or LibreOffice document"),
    "book.ods": (b"PK\x03\x04\x14\x00\x00\x08mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "an Excel"),
    "book.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old Excel"),
    "texts.zip": (b"PK\x03\x04\x14\x00\x00\x00\x08\x00texts.csv", "a zip archive: unpack it"),
    "rows.parquet": (b"PAR1\x15\x04\x15\x1e\x15\x22", "a Parquet file: write its columns as csv or jsonl"),
    "rows.feather": (b"ARROW1\x00\x00\xff\xff\xff\xff", "an Arrow"),
    "rows.db": (b"SQLite format 3\x00\x10\x00", "an SQLite database: export"),
    "texts.pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\x00\x01", "a PDF document"),
    "rows.npy": (b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'}", "a NumPy array"),
    "t.tsv.bz2": (b"BZh91AY&SY\x00\x01", "a bzip2 archive: unpack it with bunzip2"),
    "t.tsv.xz": (b"\xfd7zXZ\x00\x00\x04", "an xz archive"),
    "t.tsv.zst": (b"\x28\xb5\x2f\xfd\x04\x00", "a zstd archive"),
    "program": (b"\x7fELF\x02\x01\x01" + bytes(60) + b"\x01\x02" * 30, "a binary file: pass a text file"),
}


@pytest.mark.parametrize("name", BINARIES)
def test_a_binary_file_is_named_as_what_it_is(cli: Cli, trained: Path, name: str) -> None:
    content, kind = BINARIES[name]
    Path(name).write_bytes(content)
    Path("packed.gz").write_bytes(gzip.compress(content))
    commands = [
        ["train", "--data", name],
        ["train", "--data", name, "--set", "data.format=tsv"],
        ["train", "--data", name, "--set", "data.encoding=latin-1"],
        ["vocab", "--data", name],
        ["eval", trained, name],
        ["predict", trained, name],
        ["predict", trained, "packed.gz"],
    ]
    for arguments in commands:
        result = cli(*arguments)
        assert (result.code, result.out) == (1, ""), arguments
        assert "expected text, found " + kind in result.err and result.err.count("\n") == 1, result.err


@pytest.mark.parametrize(
    "text", ["PK is a text", "PAR1 is a text", "%PDF- is a text", "BZh", "a\0b and more text here"]
)
def test_text_is_not_taken_for_a_binary_file(text: str) -> None:
    assert binary_kind(text.encode()) is None


def test_a_file_in_utf_8_that_is_read_as_something_else_is_worth_a_hint(tmp_path: Path) -> None:
    def hints(content: bytes, encoding: str) -> list[str]:
        (tmp_path / "x.tsv").write_bytes(content)
        return Source([str(tmp_path / "x.tsv")], encoding=encoding).encoding_hints()

    (hint,) = hints(FRENCH.encode(), "cp1252")
    assert hint.endswith("pass --set data.encoding=utf-8")
    assert hints(FRENCH.encode(), "UTF8") == []
    for content in (FRENCH.encode("cp1252"), b"plain letters", b"a nice caf\xe9"):
        assert hints(content, "cp1252") == []
