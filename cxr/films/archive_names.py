"""Names of the files in a zip: read in the letters they were written in, and told apart.

A zip says of a name only whether it is UTF-8. Windows packs names in the code page of the country
and says nothing, macOS writes UTF-8 and says nothing either. Which one it is, the names of an
archive tell together: UTF-8 by its form, the others by which letters come out, as texts in a
language use a few hundred letters much more than the thousands of others.
"""

from __future__ import annotations

import math
import struct
import unicodedata
import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from zipfile import ZipInfo

__all__ = ["NAMELESS", "code_page", "paths_of", "raw_name", "told_apart"]

#: The name of a file that has none.
NAMELESS = "(no name)"
#: Folders of a path that are kept, with the name: those next to the file.
DEEPEST = 40
_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075  # Info-ZIP's extra field

#: Letters that are frequent in each language, and those of names of films and of their folders.
_SIMPLIFIED = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实"
    "日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政"
    "美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员"
    "解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件"
    "胸部片正侧位影像肺炎结核患者病人检查医院科放射姓王李张刘陈杨黄赵周吴徐孙马胡朱郭何林罗梁宋郑谢韩唐"
    "冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范石姚谭廖邹熊金陆郝孔白崔康毛"
    "邱秦江史顾侯邵孟龙万段钱汤尹黎易常武乔贺赖龚文图照号复件新建夹测试数据男左右下午上拍摄成功胸透线光片"
)
_TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡"
    "用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心本前開但因只從想實"
    "日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政"
    "美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員"
    "解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件"
    "胸部片正側位影像肺炎結核患者病人檢查醫院科放射姓王李張劉陳楊黃趙周吳徐孫馬胡朱郭何林羅梁宋鄭謝韓唐"
    "馮于董蕭程曹袁鄧許傅沈曾彭呂蘇盧蔣蔡賈丁魏薛葉閻余潘杜戴夏鍾汪田任姜范石姚譚廖鄒熊金陸郝孔白崔康毛"
    "邱秦江史顧侯邵孟龍萬段錢湯尹黎易常武喬賀賴龔文圖照號複件測試數據男左右午拍攝功透線光檔案資料夾像醫"
)
_KANJI = (
    "日一国人年大十二本中長出三時行見月分後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先"
    "名川千水半男西電校語土木聞食車何南万毎白天母火右読友左休父雨部面表胸肺炎影像写真画患者検査病院科正側"
    "結核撮方向新旧例症第号番所田中村林井野原藤佐木本鈴高橋渡辺伊加吉松石清崎森池阿福島岡橋小西東医療師線"
    "放射紹介状資料名前氏様回目性別歳才枚立臥位単純像診断外来入院退院術後経過会議用添付複製試験成功明治和平"
)
_HANGUL = (
    "이다는을의가에고지하사기한도로은자리인를어시들나서수대아라그정해일있보부전게제만과주진오무여니었상구성"
    "장비원면마세우경조안위내소간모말때까영신조스물용방동현음적유중계실문화국민최김박강윤임한오송권황류홍"
    "양배백허남심노흉부엑선촬영환자병원폐렴결핵정측면후앞사진영상검사남녀년월일호과의학소견파일폴더새복본"
    "테트터데이름두세네번째준석철현민지혜은경미숙희순자영수호우진성훈재승태규동연하윤채원빈"
)

#: For each code page: its frequent letters, what share of a text they make, and the classes of its
#: other letters as (first and last lead byte, lowest trail byte, share, number of letters).
_MULTIBYTE: dict[str, tuple[str, float, tuple[tuple[int, int, int, float, int], ...]]] = {
    "gb18030": (
        _SIMPLIFIED,
        0.55,
        (
            (0xB0, 0xD7, 0xA1, 0.4, 3755),
            (0xD8, 0xF7, 0xA1, 0.02, 3008),
            (0xA1, 0xA3, 0xA1, 0.01, 282),
        ),
    ),
    "cp950": (
        _TRADITIONAL,
        0.55,
        (
            (0xA4, 0xC6, 0x40, 0.4, 5401),
            (0xC9, 0xF9, 0x40, 0.02, 7652),
            (0xA1, 0xA3, 0x40, 0.01, 408),
        ),
    ),
    "cp949": (
        _HANGUL,
        0.6,
        (
            (0xB0, 0xC8, 0xA1, 0.38, 2350),
            (0xCA, 0xFD, 0xA1, 0.005, 4888),
            (0xA1, 0xAC, 0xA1, 0.005, 986),
        ),
    ),
    "cp932": (
        _KANJI,
        0.25,
        (
            (0x83, 0x83, 0x40, 0.3, 86),
            (0x82, 0x82, 0x40, 0.2, 145),
            (0x88, 0x97, 0x40, 0.2, 2965),
            (0x98, 0xEA, 0x40, 0.01, 3390),
            (0x81, 0x81, 0x40, 0.02, 147),
        ),
    ),
    "euc_jp": (
        _KANJI,
        0.2,
        (
            (0xA5, 0xA5, 0xA1, 0.24, 86),
            (0xA4, 0xA4, 0xA1, 0.12, 83),
            (0xB0, 0xCF, 0xA1, 0.16, 2965),
            (0xD0, 0xF4, 0xA1, 0.01, 3390),
            (0xA1, 0xA3, 0xA1, 0.02, 300),
        ),
    ),
}
_RARE = 1e-7  # a letter of none of the classes
_HALF_WIDTH = 0.02 / 63  # of Shift JIS: one byte, and hardly used in names of files
#: One byte a letter: Western, Central European, Cyrillic; of DOS and of Windows.
_SINGLE_BYTE = ("cp437", "cp850", "cp1252", "cp866", "cp1251", "cp852", "cp1250")
CODE_PAGES = ("cp437", *_MULTIBYTE, *_SINGLE_BYTE[1:])
_LATIN = frozenset("äöüßÄÖÜéèêëáàâãåæçíìîïñóòôõøúùûýÉÈÁÀÅÆÇÑÓÕØÚÍ")
_CENTRAL = frozenset("ąćęłńóśźżĄĆŁŚŹŻčďěňřšťůžýáéíČŠŽŘőűăâîșțäöü")
_CYRILLIC = frozenset("оеаинтсрвлкмдпуОЕАИНТСРВЛКМДПУ")
#: Central European code pages are met less often than Western ones.
_LIKELY = {"cp852": 0.1, "cp1250": 0.1}
_CYRILLIC_PAGES = ("cp866", "cp1251")
#: Letters of each code page: frequent ones, and others of the language.
_LETTERS = {
    **dict.fromkeys(("cp852", "cp1250"), (_CENTRAL, frozenset())),
    **dict.fromkeys(
        _CYRILLIC_PAGES, (_CYRILLIC, frozenset(map(chr, range(0x400, 0x460))) - _CYRILLIC)
    ),
}


def raw_name(info: ZipInfo) -> bytes:
    """Return the bytes of a name as they are in the archive."""
    code = "utf-8" if info.flag_bits & _UTF8_FLAG else "cp437"  # as `zipfile` has decoded it
    return info.orig_filename.encode(code, "surrogateescape").partition(b"\0")[0]


def paths_of(infos: Sequence[ZipInfo]) -> list[PurePosixPath]:
    r"""Read the paths of an archive's files.

    Parameters
    ----------
    infos : sequence of zipfile.ZipInfo
        As `zipfile` returns them.

    Returns
    -------
    list of pathlib.PurePosixPath
        One per file. A backslash that is a letter of its own separates folders as a slash does,
        since some packers on Windows write it so; one that is the second byte of a letter of East
        Asia does not. What leads out of the archive (``..``, ``C:``) is dropped; where nothing
        is left, the path is `NAMELESS`; of a path that is deeper than any, the end is kept.
    """
    raw = [raw_name(info) for info in infos]
    known = [_unicode_path(info, name) for info, name in zip(infos, raw, strict=True)]
    unknown = [name for name, text in zip(raw, known, strict=True) if text is None]
    code = code_page(unknown)
    texts = [
        _decoded(name, code) if text is None else text
        for name, text in zip(raw, known, strict=True)
    ]
    return [_path(text) for text in texts]


def told_apart(paths: Sequence[PurePosixPath]) -> list[str]:
    """Name files by the last part of their path, or by as much of it as tells them apart.

    Examples
    --------
    >>> told_apart([PurePosixPath(path) for path in ("cd/A/IM1", "cd/B/IM1", "cd/C/IM2")])
    ['A/IM1', 'B/IM1', 'IM2']
    """
    names = [""] * len(paths)
    groups: dict[str, list[int]] = {}
    for place, path in enumerate(paths):
        groups.setdefault(path.name.casefold(), []).append(place)
    for places in groups.values():
        longest = max(len(paths[place].parts) for place in places)
        for parts in range(1, longest + 1):
            found = ["/".join(paths[place].parts[-parts:]) for place in places]
            if len({name.casefold() for name in found}) == len(found):
                break
        for place, name in zip(places, _numbered(found), strict=True):
            names[place] = name
    return names


def _numbered(names: Sequence[str]) -> list[str]:
    """Number those names that are there twice: an archive may hold two files of one path."""
    seen: dict[str, int] = {}
    numbered = []
    for name in names:
        seen[name] = times = seen.get(name, 0) + 1
        numbered.append(name if times == 1 else f"{name} ({times})")
    return numbered


def _path(text: str) -> PurePosixPath:
    # macOS takes letters apart: an accent is a sign of its own.
    text = unicodedata.normalize("NFC", text).replace("\\", "/")
    parts = [part.strip() for part in text.split("/")]
    parts = [part for part in parts if part not in ("", ".", "..")]
    if parts and len(parts[0]) == 2 and parts[0][1] == ":":
        parts = parts[1:]
    return PurePosixPath(*(parts[-DEEPEST:] or [NAMELESS]))


def _unicode_path(info: ZipInfo, raw: bytes) -> str | None:
    """Return a name whose code is told: ASCII, flagged as UTF-8, or given again as UTF-8."""
    extra = info.extra or b""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        body, extra = extra[4 : 4 + size], extra[4 + size :]
        # The checksum is that of the name which the field goes with: another was renamed since.
        if kind == _UNICODE_PATH and body[:5] == struct.pack("<BI", 1, zlib.crc32(raw)):
            return body[5:].decode("utf-8", "replace")
    if raw.isascii():
        return raw.decode("ascii")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decoded(raw: bytes, code: str) -> str:
    try:
        return raw.decode(code)
    except UnicodeDecodeError:
        return raw.decode(code_page([raw]))  # cp437, one of these, has a letter for each byte


def code_page(texts: Sequence[bytes], candidates: Sequence[str] = CODE_PAGES) -> str:
    """Choose the code page that makes texts most likely.

    Parameters
    ----------
    texts : sequence of bytes
        Names of files, or lines of a table.
    candidates : sequence of str, default: CODE_PAGES
        Of these.

    Returns
    -------
    str
        As Python names it; the first of the candidates where no text is given or none fits.
    """
    texts = list(dict.fromkeys(texts))[:200]
    best, code = -math.inf, candidates[0]
    for candidate in candidates:
        likely = _single_byte if candidate in _SINGLE_BYTE else _multibyte
        try:
            total = sum(likely(text, candidate) for text in texts)
        except UnicodeDecodeError:
            continue
        if total > best:
            best, code = total, candidate
    return code


def _multibyte(raw: bytes, code: str) -> float:
    """Log-likelihood of a name in a code page of East Asia."""
    frequent, share, classes = _MULTIBYTE[code]
    total, before = 0.0, " "
    for letter in raw.decode(code):
        part = letter.encode(code)
        # A word is of one script.
        if before.isalpha() and letter.isalpha() and before.isascii() != letter.isascii():
            total += math.log(0.2)
        before = letter
        if len(part) == 1:
            total += _ascii(letter) if letter.isascii() else math.log(_HALF_WIDTH)
        elif letter in frequent:
            total += math.log(share / len(set(frequent)))
        else:
            chances = (
                weight / letters
                for first, last, trail, weight, letters in classes
                if len(part) == 2 and first <= part[0] <= last and part[1] >= trail
            )
            total += math.log(next(chances, _RARE))
    return total


def _single_byte(raw: bytes, code: str) -> float:
    """Log-likelihood of a name in a code page of one byte a letter."""
    text = raw.decode(code)
    frequent, others = _LETTERS.get(code, (_LATIN, frozenset()))
    cyrillic = code in _CYRILLIC_PAGES
    total, before = math.log(_LIKELY.get(code, 1.0)), " "
    for letter in text:
        if letter.isascii():
            total += _ascii(letter)
        elif letter in frequent:
            total += math.log(0.8 / len(frequent))
        else:
            total += math.log((0.05 if letter in others else 1e-3) / 60)
        if before.isalpha() and letter.isalpha():
            # Accents stand alone among plain letters, Cyrillic letters among their own, and a
            # capital does not come after a small letter.
            if before.isascii() + letter.isascii() == (1 if cyrillic else 0):
                total += math.log(0.05)
            if before.islower() and letter.isupper():
                total += math.log(0.05)
        before = letter
    return total


def _ascii(letter: str) -> float:
    if letter.isalnum():
        return math.log(1 / 50)
    return math.log(1 / 50 if letter in " ._-/" else 1 / 500)
