"""The names of months and weekdays in the languages in which files write dates, and the numbers that they stand for."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import normalize

__all__ = ["BY_LETTER", "LANGUAGES", "MONTHS", "WEEKDAYS", "find_name", "fold_name", "name_shape", "names_of"]

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

LANGUAGES = (
    "English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish, Norwegian, Finnish, Turkish and "
    "Russian"
)
"""Languages of which no two give one name to two months, so that a name needs no language beside it."""

_FINNISH = "tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu"
_LONG_MONTHS = (
    " ".join(MONTHS),
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "Jänner Feber Maerz April Mai Juni Juli August September Oktober November Dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "enero febrero marzo abril mayo junio julio agosto setiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "januari februari mars april maj juni juli augusti september oktober november december",
    "januar februar marts april maj juni juli august september oktober november december",
    "januar februar mars april mai juni juli august september oktober november desember",
    " ".join(f"{name}kuu" for name in _FINNISH.split()),
    " ".join(f"{name}kuuta" for name in _FINNISH.split()),
    "Ocak Şubat Mart Nisan May\u0131s Haziran Temmuz Ağustos Eylül Ekim Kas\u0131m Aral\u0131k",
    "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
)
_SHORT_MONTHS = (
    " ".join(name[:3] for name in MONTHS),
    "Jan Feb Mar Apr May June July Aug Sept Oct Nov Dec",
    "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    "Jän Feb Mrz Apr Mai Juni Juli Aug Sept Okt Nov Dez",
    "janv févr mars avr mai juin juil août sept oct nov déc",
    "jan fév mar avr mai jun jul aoû sep oct nov déc",
    "ene feb mar abr may jun jul ago sep oct nov dic",
    "ene feb mar abr may jun jul ago set oct nov dic",
    "gen feb mar apr mag giu lug ago set ott nov dic",
    "jan fev mar abr mai jun jul ago set out nov dez",
    "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "jan feb mars apr maj juni juli aug sep okt nov dec",
    "jan feb mar apr mai juni juli aug sep okt nov des",
    _FINNISH,
    "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
    "янв фев мар апр май июн июл авг сен окт ноя дек",
    "янв февр мар апр мая июн июл авг сент окт нояб дек",
)
_LONG_WEEKDAYS = (
    " ".join(WEEKDAYS),
    "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "Montag Dienstag Mittwoch Donnerstag Freitag Sonnabend Sonntag",
    "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "lunes martes miércoles jueves viernes sábado domingo",
    "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    "måndag tisdag onsdag torsdag fredag lördag söndag",
    "mandag tirsdag onsdag torsdag fredag lørdag søndag",
    "maanantai tiistai keskiviikko torstai perjantai lauantai sunnuntai",
    "Pazartesi Sal\u0131 Çarşamba Perşembe Cuma Cumartesi Pazar",
    "понедельник вторник среда четверг пятница суббота воскресенье",
)
_SHORT_WEEKDAYS = (
    " ".join(name[:3] for name in WEEKDAYS),
    "Mon Tues Wed Thurs Fri Sat Sun",
    "Mo Di Mi Do Fr Sa So",
    "lun mar mer jeu ven sam dim",
    "lun mar mié jue vie sáb dom",
    "lun mar mer gio ven sab dom",
    "seg ter qua qui sex sáb dom",
    "ma di wo do vr za zo",
    "mån tis ons tors fre lör sön",
    "man tir ons tor fre lør søn",
    "ma ti ke to pe la su",
    "Pzt Sal Çar Per Cum Cmt Paz",
    "пн вт \u0441\u0440 чт пт \u0441\u0431 вс",
)
BY_LETTER = {"B": _LONG_MONTHS, "b": _SHORT_MONTHS, "A": _LONG_WEEKDAYS, "a": _SHORT_WEEKDAYS}


def fold_name(name: str) -> str:
    """A name as it is compared: in small letters, without a point at the end, its marks beside or within letters."""
    # a capital I of Turkish has a small one with or without its dot
    return normalize("NFC", name).lower().replace("i\u0307", "i").replace("\u0131", "i").rstrip(".")


@lru_cache(maxsize=8)
def names_of(letter: str) -> dict[str, int]:
    """The number of each name, from 0, that a directive reads: with its marks, and without them."""
    found: dict[str, int] = {}
    for names in BY_LETTER[letter]:
        found |= {fold_name(name): number for number, name in enumerate(names.split())}
    for name, number in list(found.items()):
        plain = "".join(each for each in normalize("NFD", name) if each.isascii())
        if name[0].isascii() and len(plain) >= len(name):
            found.setdefault(plain, number)
    return found


@lru_cache(maxsize=8)
def name_shape(letter: str) -> str:
    """A regular expression of the names that a directive reads; short ones may have a point at the end."""
    names = names_of(letter)
    forms = {form for name in names for form in (name, normalize("NFD", name))}
    # longer names first, since a name may begin with another
    listed = "|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form)))
    point = r"\.?" if letter in "ab" else ""
    # the English ones first and fast, as all of a log's times have them
    first = "|".join(BY_LETTER[letter][0].split())
    return f"(?i:(?:{first})(?![^\\W\\d_])|{listed}){point}"


@lru_cache(maxsize=4096)
def find_name(letter: str, name: str) -> int:
    """The number of a name, from 0: of a month for `b` and `B`, of a weekday for `a` and `A`."""
    return names_of(letter)[fold_name(name)]
