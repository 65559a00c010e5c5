"""What headers say of modality, view, body part and sex, brought to the terms of the standard.

Headers are filled in by people and by devices of many countries, and a patient's name or a piece of
Markdown can stand in any of these elements. So nothing passes here as it was written: a value is
one of the terms of a closed list, or `OTHER`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain

__all__ = [
    "MODALITIES",
    "OTHER",
    "RADIOGRAPHY",
    "body_part",
    "is_chest",
    "is_lateral",
    "modality",
    "sex",
    "view",
]


def _terms(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Stands for a value that is none of the known terms.
OTHER = "another value"

#: Computed, digital by its older name, digital, and from film.
RADIOGRAPHY = ("CR", "DR", "DX", "RG")
#: Of the modalities that hold pictures (PS3.3 C.7.3.1.1.1), those that people have names for.
MODALITIES = {
    "CT": "computed tomography",
    "MG": "mammography",
    "MR": "magnetic resonance",
    "NM": "nuclear medicine",
    "PT": "positron emission tomography",
    "RF": "fluoroscopy",
    "US": "ultrasound",
    "XA": "angiography",
}
_MODALITIES = frozenset((*RADIOGRAPHY, *MODALITIES)) | _terms(
    "ANN AR ASMT AU BDUS BI BMD CFM CTPROTOCOL DMS DG DOC DS EC ECG EM EOG EPS ES FA FID "
    "FS GM HC HD IO IOL IVOCT IVUS KER KO LEN LP LS M3D MA MS OAM OCT OP OPM OPR OPT "
    "OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PX REG RESP RTDOSE RTIMAGE RTINTENT RTPLAN "
    "RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SC SEG SM SMR SR SRF STAIN ST TEXTUREMAP TG VA "
    "VF XAPROTOCOL XC CD CP DD DF DM EMG HSG LASER LUT NEARLINE PS VL"
)
#: Say that it is an X-ray, and no more.
_XRAY = _terms("XR RX XRAY RAD RADIOGRAPHY CONVENTIONAL PLAIN DIGITALRADIOGRAPHY")

_FRONTAL = ("PA", "AP")
_SIDE = ("LL", "RL", "LM", "ML", "LLO", "RLO", "LLD", "RLD", "LO", "RO")
# Frontal, lateral, oblique and decubitus views (PS3.3 C.8.7.1.1.1), and those of other bodies.
_VIEWS = frozenset((*_FRONTAL, *_SIDE)) | _terms(
    "LMO MLO SIO ISO FB CC XCC XCCL XCCM AT AX RCC LCC"
)
#: Shown for a view from the side that is none of `_SIDE`.
_LATERAL = "LATERAL"
_LATERAL_STEMS = (
    *("LATERAL", "PROFIL", "PERFIL", "SEITLICH", "BOCZN", "BOCNI", "ZIJDELING", "SIDEVIEW"),
    *("БОКОВ", "ПРОФИЛ", "БОЧНА", "侧位", "側位", "側面", "侧面", "측면", "OLDALIR", "YANDAN"),
)
_FRONTAL_WORDS = {
    **dict.fromkeys(("POSTEROANTERIOR", "POSTEROANT"), "PA"),
    **dict.fromkeys(("ANTEROPOSTERIOR", "ANTEROPOST"), "AP"),
}

#: Body parts as PS3.16 Annex L has them for Body Part Examined.
_PARTS = _terms(
    "ABDOMEN ABDOMENPELVIS ADRENAL ANKLE ANUS AORTA ARM AXILLA BACK BILEDUCT BLADDER "
    "BRAIN BREAST BRONCHUS BUTTOCK CALCANEUS CALF CAROTID CEREBELLUM CEREBRUM CERVIX "
    "CHEEK CHEST CHESTABDOMEN CHESTABDPELVIS CIRCLEOFWILLIS CLAVICLE COCCYX COLON CORNEA "
    "CORONARYARTERY CSPINE CTSPINE DUODENUM EAR ELBOW ESOPHAGUS EXTREMITY EYE EYELID FACE "
    "FEMUR FINGER FOOT FOREARM FOREHEAD GALLBLADDER HAND HEAD HEADNECK HEART HIP HUMERUS "
    "IAC ILEUM ILIUM JAW JEJUNUM JOINT KIDNEY KNEE LARYNX LEG LIVER LSPINE LSSPINE LUNG "
    "MANDIBLE MASTOID MAXILLA MEDIASTINUM MOUTH NECK NECKCHEST NECKCHESTABDOMEN "
    "NECKCHESTABDPELV NOSE OPTICCANAL ORBIT ORBITS OVARY PANCREAS PAROTID PATELLA PELVIS "
    "PENIS PHARYNX PROSTATE RADIUS RECTUM RIB SACRUM SCALP SCAPULA SCJOINT SCLERA SCROTUM "
    "SELLA SHOULDER SIJOINT SINUS SKULL SPINE SPLEEN SSPINE STERNUM STOMACH SUBMANDIBULAR "
    "TEMPORALBONE TESTIS THIGH THUMB THYMUS THYROID TIBIA TLSPINE TMJ TOE TONGUE TOOTH "
    "TRACHEA TSPINE ULNA URETER URETHRA UTERUS VAGINA VULVA WHOLEBODY WRIST ZYGOMA"
)
_ANY_PART = _terms(
    "ANY BODY DEFAULT MISC NA NONE NULL OTHER TRUNK UNDEFINED UNKNOWN UNSPECIFIED XRAY XR RX"
)
# Parts of words in the languages that are met, as `_letters` brings them to one form.
_CHEST_STEMS = (
    # English and Latin, which many languages share
    *("CHEST", "THORA", "TORAX", "TORAC", "TORAK", "PULMO", "MEDIAST"),
    *("CARDIAC", "CXR", "LUNGFIELD"),
    # French, Spanish, Portuguese, Catalan, Italian, Romanian
    *("POUMON", "POITRINE", "PECTORAL", "PLAMAN", "POLMON"),
    # German, Dutch, Nordic languages, Finnish, Estonian, Hungarian
    *("BRUSTKORB", "BROSTKORG", "BRYSTKASS", "BRYSTKAS", "BORSTKAS", "RINTAKEHA", "KEUHKO"),
    *("RINDKERE", "KOPSUD", "MELLKAS", "TÜDŐ"),
    # Polish, Czech, Slovak, Slovene, Croatian, Serbian, Lithuanian, Latvian, Albanian, Turkish
    *("KLATKAPIERSIOWA", "KLATKIPIERSIOWEJ", "KLATKEPIERSIOWA", "PŁUCA", "PŁUC", "HRUDNIK"),
    *("PLICE", "PLUCA", "PRSNIKOS", "GRUDNIKOS", "KRUTINESLAST", "PLAUCI"),
    *("KRUSUKURV", "PLAUSA", "KRAHAROR", "MUSHKERI", "GÖĞÜS", "AKCIĞER"),
    # Vietnamese, Indonesian
    *("LONGNGUC", "XQUANGPHOI", "TIMPHOI", "PARUPARU", "DADATORAKS"),
    # Russian, Ukrainian, Bulgarian, Serbian, Greek
    *("ГРУДНАЯКЛЕТКА", "ГРУДНОЙКЛЕТКИ", "ГРУДНУЮКЛЕТКУ", "ГРУДНАКЛІТКА", "ГРУДНОЇКЛІТКИ"),
    *("ГРУДНАКЛІТИНА", "ГРУДНАЯПОЛОСТЬ", "ОРГАНЫГРУДНОЙ", "ОРГАНОВГРУДНОЙ", "ОРГАНИГРУДНОЇ"),
    *("ГРЪДЕНКОШ", "ГРЪДНА", "ГРУДНИКОШ", "ЛЕГКИЕ", "ЛЕГКИХ", "ЛЕГЕНІ", "ЛЕГЕНЬ", "ТОРАКС"),
    *("ПЛУЋА", "БЕЛОДРОБ", "ПЛЕВР", "ЛЁГКИЕ", "ΘΩΡΑΚ", "ΘΩΡΑΞ", "ΠΝΕΥΜΟΝ", "ΠΝΕΥΜΩΝ"),
    # Chinese, Japanese, Korean
    *(
        "胸部",
        "胸片",
        "胸腔",
        "胸廓",
        "胸郭",
        "胸正",
        "胸写",
        "肺",
        "キョウブ",
        "ムネ",
        "흉부",
        "가슴",
        "폐",
    ),
    # Arabic, Persian, Hebrew, Hindi, Bengali, Thai
    *("صدر", "رئة", "رئتين", "الرئة", "سینه", "سينه", "ریه", "חזה", "ריאה", "ריאות"),
    *("छाती", "फेफड़", "বুক", "ফুসফুস", "ทรวงอก", "หน้าอก", "ปอด"),
)
# Too short to be looked for within words, or the beginnings of others.
_CHEST_STARTS = (
    *("LUNG", "RIB", "HEART", "COEUR", "PECHO", "PEITO", "PETTO", "BRUST", "COSTIL", "PHOI"),
    *("NGUC", "HRUDI", "BORST", "BRYST", "COSTELA"),
)
_CHEST_WHOLE = ("胸", "TRAX", "T RAX", "ОГК", "ГРУДЬ", "PIEPT", "GRUDI", "PLUCA", "DADA", "PARU")
# A film of the spine in the chest is no chest film; nor is one of the breast.
_SPINE_STEMS = (
    *("SPINE", "SPINAL", "VERTEBR", "WIRBEL", "RACHIS", "RACHID", "COLUMNA", "COLUNA", "COLONNA"),
    *("COLOANA", "KREGOSLUP", "OMURGA", "GERINC", "RYGGRAD", "RYGRAD", "KICMA"),
    *("WERVEL", "SELKARANKA", "THORACOLUMB", "TORACOLUMB", "DORSOLUMB", "ПОЗВОНОЧН", "ХРЕБЕТ"),
    *("ГРЪБНАЧ", "ΣΠΟΝΔΥΛ", "胸椎", "脊柱", "脊椎", "흉추", "척추", "عمود", "ستون"),
)
_BARE = str.maketrans({"Ł": "L", "Ø": "O", "Đ": "D", "Ð": "D", "Æ": "AE", "Œ": "OE", "Þ": "TH"})
# Tried after UTF-8 and Latin-1, since Code Strings carry letters of charsets that nobody declares.
_CHARSETS = (
    *("cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "iso8859_2"),
    *("iso8859_5", "iso8859_7", "iso8859_9", "koi8_r", "cp866", "cp850", "cp437", "gb18030"),
    *("shift_jis", "euc_jp", "iso2022_jp", "big5", "euc_kr", "cp874"),
)
_MOST = 64  # characters that are looked at


def modality(value: str | bytes, encodings: Iterable[str] = ()) -> str | None:
    """Return a modality's term, `OTHER`, or None where nothing but "X-ray" or nothing is said.

    Of several values one of `RADIOGRAPHY` counts, unless another one names another kind of picture.
    """
    text = next(iter(_readings(value, encodings)))
    terms = [_ascii(part) for part in text.split("\\")]
    terms = [term for term in terms if term]
    pictures = [term for term in terms if term in MODALITIES]
    radiographs = [term for term in terms if term in RADIOGRAPHY]
    named = [*pictures, *radiographs, *(term for term in terms if term in _MODALITIES)]
    if named:
        return named[0]
    return None if all(term in _XRAY for term in terms) else OTHER


def view(value: str | bytes, encodings: Iterable[str] = ()) -> str | None:
    """Return a view's term, ``LATERAL``, `OTHER`, or None where nothing is said."""
    return _first(_view_of, value, encodings)


def body_part(value: str | bytes, encodings: Iterable[str] = ()) -> str | None:
    """Return a body part's term, `OTHER`, or None where no part is named.

    The chest is known by its names in many languages, with or without accents, and in whatever
    charset the file has them.
    """
    return _first(_part_of, value, encodings)


def sex(value: str | bytes, encodings: Iterable[str] = ()) -> str | None:
    """Return ``F``, ``M`` or ``O``, `OTHER`, or None where nothing is said."""
    text = _ascii(next(iter(_readings(value, encodings))))
    words = {"FEMALE": "F", "MALE": "M", "OTHER": "O", "W": "F"}
    term = words.get(text, text)
    return None if not term else term if term in ("F", "M", "O") else OTHER


def is_lateral(term: str | None) -> bool:
    """Whether a term of `view` is one from the side."""
    return term in (*_SIDE, _LATERAL)


def is_chest(term: str | None) -> bool:
    """Whether a term of `body_part` is one of the chest."""
    return term in ("CHEST", "LUNG", "RIB", "HEART", "MEDIASTINUM") or "CHEST" in (term or "")


def _first(
    term_of: Callable[[str], str | None], value: str | bytes, encodings: Iterable[str]
) -> str | None:
    """Return the term of the first reading of a value that has one."""
    terms: set[str | None] = set()
    for text in _readings(value, encodings):
        term = term_of(text)
        if term not in (None, OTHER):
            return term
        terms.add(term)
    return OTHER if OTHER in terms else None


def _view_of(text: str) -> str | None:
    words, letters = _words(text), _letters(text)
    if not letters:
        return None
    sides = [word for word in (letters, *words) if word in _SIDE]
    if sides:
        return sides[0]
    side = any(stem in letters for stem in _LATERAL_TERMS) or letters.startswith("LAT")
    if side or letters.endswith("LAT") or "LAT" in words:
        return _LATERAL
    known = [word for word in words if word in _VIEWS]
    if known:
        return known[0]
    return next((term for word, term in _FRONTAL_WORDS.items() if word in letters), OTHER)


def _part_of(text: str) -> str | None:
    words, letters = _words(text), _letters(text)
    if not letters or letters in _ANY_PART:
        return None
    if letters in _PARTS:
        return letters
    if any(stem in letters for stem in _SPINES):
        return "SPINE"
    whole = letters in _WHOLE or any(word in _WHOLE for word in words)
    if whole or any(stem in letters for stem in _STEMS) or _begins(words):
        return "CHEST"
    return next((word for word in words if word in _PARTS), OTHER)


def _begins(words: list[str]) -> bool:
    return any(word.startswith(_STARTS) for word in words)


def _readings(value: str | bytes, encodings: Iterable[str]) -> Iterator[str]:
    """Yield a value in every charset that it may be written in, the likeliest first."""
    if isinstance(value, str):
        yield value[:_MOST]
        with suppress(UnicodeError):  # UTF-8 that something took for Windows-1252 once
            yield value.encode("cp1252").decode("utf-8")[:_MOST]
        return
    value = value[: 4 * _MOST]
    plain = value.isascii() and b"\x1b" not in value
    for encoding in ("ascii",) if plain else chain(encodings, ("utf-8",), _CHARSETS):
        try:
            yield value.decode(encoding)[:_MOST]
        except (UnicodeError, LookupError):
            continue
    yield value.decode("latin-1")[:_MOST]


def _normal(text: str) -> str:
    """Bring a text to upper case without accents, composed or not, in half or full width."""
    apart = unicodedata.normalize("NFKD", text).upper()
    bare = "".join(char for char in apart if not unicodedata.combining(char))
    return bare.translate(_BARE)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", _normal(text))


def _letters(text: str) -> str:
    return "".join(_words(text))


def _ascii(text: str) -> str:
    """Letters and digits of a short word alone; anything else makes it no term."""
    text = _normal(text).strip(" \0")
    return re.sub(r"[ _\-]", "", text)


_LATERAL_TERMS = tuple(map(_letters, _LATERAL_STEMS))
_STEMS = tuple(map(_letters, _CHEST_STEMS))
_STARTS = tuple(map(_letters, _CHEST_STARTS))
_WHOLE = frozenset(map(_letters, _CHEST_WHOLE))
_SPINES = tuple(map(_letters, _SPINE_STEMS))
