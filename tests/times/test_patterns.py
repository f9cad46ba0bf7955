"""Patterns of times: what can be declared, and that texts are read to the letter."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.times.calendar import DAY
from domaintoolkit.times.calendar_names import BY_LETTER, fold_name
from domaintoolkit.times.iso_text import parse_time
from domaintoolkit.times.patterns import read_any, time_pattern
from domaintoolkit.times.time_shapes import find_time_formats

EPOCH = datetime(1970, 1, 1)
PATTERNS = [
    "%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y%m%d %H%M%S", "%d.%m.%y", "%d %b %Y", "%d %B %Y %I:%M %p", "%Y-%j", "%j %Y",
    "%G-W%V-%u", "%G%V%u", "%Y %U %w", "%Y %W %a", "%a, %d %b %Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%m/%d/%Y", "%b %Y",
    "%A %d.%m.%Y", "%F %T", "%D %R", "%Y", "%d/%b/%Y:%H:%M:%S +0000", "100%% %Y",
]  # fmt: skip
MOMENTS = st.datetimes(datetime(1969, 1, 1), datetime(2068, 12, 31))


def read(pattern: str, text: str) -> datetime | str:
    try:
        return EPOCH + timedelta(microseconds=time_pattern(pattern).read(text)[0])
    except ValueError as error:
        return str(error)


PADDED = ["%-d.%-m.%Y %-H:%M", "%e/%m/%Y %k:%M", "%Y-%m-%d %H:%M %Z", "%Y-%m-%dT%H%z"]


@given(st.sampled_from([*PATTERNS, *PADDED]), MOMENTS)
def test_a_time_is_written_as_it_is_read(pattern: str, moment: datetime) -> None:
    found = time_pattern(pattern)
    written = found.write((moment - EPOCH) // timedelta(microseconds=1))
    # the pattern may leave out some of the time, and no more is lost after that
    assert found.write(found.read(written)[0]) == written
    if "%p" not in pattern and "%-" not in pattern and not {"e", "k", "z", "Z"} & set(pattern):
        assert written == moment.strftime(pattern)


@given(st.sampled_from(PATTERNS), MOMENTS)
def test_what_strftime_writes_is_read_as_strptime_reads_it(pattern: str, moment: datetime) -> None:
    text = moment.strftime(pattern)
    assert read(pattern, text) == datetime.strptime(text, pattern.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")
                                                    .replace("%D", "%m/%d/%y").replace("%R", "%H:%M"))  # fmt: skip


@given(st.sampled_from(PATTERNS), MOMENTS, st.data())
def test_a_text_that_is_read_is_the_text_of_its_time(pattern: str, moment: datetime, data: st.DataObject) -> None:
    """Whatever is put in, taken out or replaced: nothing is shifted or rolls over."""
    text = moment.strftime(pattern)
    at, span = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 1))
    changed = text[:at] + data.draw(st.sampled_from(["", *"0123456789 ax"])) + text[at + span :]
    found = read(pattern, changed)
    if isinstance(found, datetime) and "24" not in changed and "%f" not in pattern:
        if found.microsecond == 999_999:  # a leap second is the last moment before the next one
            head, _, tail = changed.rpartition("60")
            changed = f"{head}59{tail}"
        assert show(pattern, found).lower() == changed.lower()


def show(pattern: str, moment: datetime) -> str:
    """As `strftime`, which on some systems writes the years before 1000 without their zeros."""
    years = {"%Y": f"{moment.year:04}", "%G": f"{moment.isocalendar().year:04}"}
    pattern = pattern.replace("%F", "%Y-%m-%d")
    for directive, year in years.items():
        pattern = pattern.replace(directive, year)
    return moment.strftime(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"), [("%Y-%m-%d %H:%M:%S", "0001-01-01 00:00:00"), ("%F %T", "0999-12-31 23:00:00")]
)
def test_years_before_1000_keep_their_zeros(pattern: str, text: str) -> None:
    found = read(pattern, text)
    assert isinstance(found, datetime)
    assert show(pattern, found) == text
    assert time_pattern(pattern).write((found - EPOCH) // timedelta(microseconds=1)) == text


@pytest.mark.parametrize(
    ("pattern", "text", "reason"),
    [
        ("%Y%m%d %H%M%S", "20240101 11530", "was a zero at the beginning of a number lost?"),
        ("%Y%m%d %H%M%S", "2024111 120000", "was a zero at the beginning of a number lost?"),
        ("%Y%m%d", "202411", "was a zero at the beginning of a number lost?"),
        ("%d.%m.%Y", "1.2.2024", 'numbers without zeros are read by time_format = "%-d.%-m.%Y"'),
        ("%d.%m.%Y", "30.02.2024", "is not a day of the calendar"),
        ("%Y-%j", "2023-366", "is not a day of the calendar"),
        ("%G-W%V-%u", "2024-W53-1", "is not a week of the calendar"),
        ("%Y %U %w", "2024 53 1", "is not a day of the calendar"),
        ("%a %d.%m.%Y", "Mon 02.01.2024", "names a weekday that its date does not have"),
        ("%Y-%m-%d %H:%M", "2024-01-01 24:01", "is not a time of day"),
        ("%Y-%m-%d %I:%M %p", "2024-01-01 13:01 PM", "hours go from 1 to 12"),
        ("%Y-%m-%d", "2024-01-01 ", "expected a time like '%Y-%m-%d'"),
        ("%Y-%m-%d", "\uff12024-01-01", "expected a time like '%Y-%m-%d'"),
    ],
)
def test_what_is_not_there_is_not_read(pattern: str, text: str, reason: str) -> None:
    found = read(pattern, text)
    assert isinstance(found, str)
    assert reason in found
    assert repr(text) in found


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("%-d.%-m.%Y %-H:%M", "1.2.2024 7:03", datetime(2024, 2, 1, 7, 3)),
        ("%-d.%-m.%Y %-H:%M", "01.12.2024 17:03", datetime(2024, 12, 1, 17, 3)),
        ("%a %b %e %H:%M:%S %Y", "Fri Mar  1 10:00:00 2024", datetime(2024, 3, 1, 10)),
        ("%d %b %Y", "01 SEP 2024", datetime(2024, 9, 1)),
        ("%Y-%m-%d %H:%M", "2024-01-01 24:00", datetime(2024, 1, 2)),
        ("%Y-%m-%d %H:%M:%S", "2016-12-31 23:59:60", datetime(2016, 12, 31, 23, 59, 59, 999_999)),
        ("%Y-%m-%d %H:%M:%S%z", "2024-01-01 10:00:00+02:00", datetime(2024, 1, 1, 8)),
        ("%Y-%m-%d %H:%M:%S%z", "2024-01-01 10:00:00Z", datetime(2024, 1, 1, 10)),
        ("%Y-%m-%d %H:%M:%S+02:00", "2024-01-01 10:00:00+02:00", datetime(2024, 1, 1, 8)),
        ("%Y-%m", "2024-05", datetime(2024, 5, 1)),
        ("%G-W%V", "2024-W05", datetime(2024, 1, 29)),
    ],
)
def test_forms_of_text(pattern: str, text: str, expected: datetime) -> None:
    assert read(pattern, text) == expected


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("DD.MM.YYYY", 'write "%d.%m.%Y"'),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSZ", 'write "%Y-%m-%dT%H:%M:%S.%f%z"'),
        ("MM/dd/yyyy hh:mm a", 'write "%m/%d/%Y %I:%M %p"'),
        ("d.m.Y", 'write "%d.%m.%Y"'),
        ("nonsense", 'no directives, such as in "%Y-%m-%d %H:%M:%S"'),
        ("", "leave it out if the times are in ISO 8601"),
        ("%s", 'time_unit = "s"'),
        ("%Q", 'time_unit = "ms"'),
        ("epoch", 'time_unit = "s"'),
        ("%c", "write out its directives"),
        ("%", "the directives are %Y"),
        ("%d.%M.%Y", "the month is %m"),
        ("%Y-%m-%d %H:%m", "the month twice; the minute is %M"),
        ("%d.%m", "no year (%Y)"),
        ("%Y-%m-%d %I:%M", "hours from 0 to 23 are %H"),
        ("%Y-%m-%d %H:%M %p", "%p, which belongs to hours from 1 to 12 (%I)"),
        ("%Y-%V", "%G, not %Y"),
        ("%Y %H:%M", "no day (%d)"),
        ("%Y%-m%-d", "%-m, whose number of digits is not fixed"),
        ("%A", "neither a date nor a time of day"),
    ],
)
def test_what_is_no_pattern_says_what_to_write(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        time_pattern(pattern)


@given(st.text(st.sampled_from("%YmdHMSjGVuwfbBaApIyzZUWFT-_ :.0é"), max_size=8))
def test_a_pattern_is_read_or_refused(pattern: str) -> None:
    try:
        made = time_pattern(pattern)
    except ValueError:
        return
    for text in ("2024-01-01", "10:00", "01", pattern):
        assert isinstance(read(made.text, text), str | datetime)


@pytest.mark.parametrize(
    ("pattern", "text", "reason"),
    [
        ("%d/%m/%Y", "01/13/2024", 'time_format = "%m/%d/%Y" reads it'),
        ("%d/%m/%Y", "2024-01-05", 'list them: time_format = ["%d/%m/%Y", "%Y-%m-%d"]'),
        ("%d/%m/%Y", "00/00/0000", "add '00/00/0000' to null"),
        ("%d/%m/%Y", "n/a", "add 'n/a' to null"),
        ("%d/%m/%Y", " 01/02/2024", "set trim = true"),
    ],
)
def test_a_text_of_another_form_names_the_setting_that_reads_it(pattern: str, text: str, reason: str) -> None:
    found = read(pattern, text)
    assert isinstance(found, str)
    assert reason in found


def test_quarters() -> None:
    assert read("%YQ%q", "2024Q4") == datetime(2024, 10, 1)
    with pytest.raises(ValueError, match="and also a month"):
        time_pattern("%Y-Q%q-%m")


def test_the_first_of_several_patterns_that_reads_a_text_does() -> None:
    patterns = [time_pattern(each) for each in ("%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d")]
    texts = ["01/02/2024", "01/13/2024", "2024-01-05"]
    assert [read_any(patterns, text)[0].text for text in texts] == ["%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d"]
    with pytest.raises(ValueError, match="expected a time like '%d/%m/%Y' or '%m/%d/%Y' or '%Y-%m-%d', got '5'"):
        read_any(patterns, "5")
    with pytest.raises(ValueError, match="'2024-01-32' is not a day of the calendar"):
        read_any(patterns, "2024-01-32")


@pytest.mark.parametrize("text", ["NULL", "infinity", "1900-01-00", "0000-00-00 00:00:00", "NaT", "-"])
def test_a_text_that_may_stand_for_a_missing_time_says_where_to_list_it(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"add {text!r} to null")):
        parse_time(text)


def test_spaces_around_a_time_are_left_out_by_trim() -> None:
    with pytest.raises(ValueError, match="set trim = true"):
        parse_time(" 2019-10-01")


@pytest.mark.parametrize(
    ("text", "form", "day"),
    [
        ("12 März 2024", "%d %B %Y", date(2024, 3, 12)),
        ("12 MA\u0308RZ 2024", "%d %B %Y", date(2024, 3, 12)),
        ("3 févr. 2023", "%-d %b %Y", date(2023, 2, 3)),
        ("05-ene-2024", "%d-%b-%Y", date(2024, 1, 5)),
        ("12 de marzo de 2024", "%d de %B de %Y", date(2024, 3, 12)),
        ("1. Mai. 2024", "%-d. %b %Y", date(2024, 5, 1)),
        ("lun. 3 juin 2024", "%a %-d %b %Y", date(2024, 6, 3)),
        ("Dienstag, 12. März 2024", "%A, %d. %B %Y", date(2024, 3, 12)),
        ("15 sept. 2023", "%d %b %Y", date(2023, 9, 15)),
        ("12 KASIM 2024", "%d %B %Y", date(2024, 11, 12)),
        ("8 марта 2024 \u0433.", "%-d %B %Y \u0433.", date(2024, 3, 8)),
        ("2024年3月12日", "%Y年%-m月%-d日", date(2024, 3, 12)),
    ],
)
def test_months_and_weekdays_have_names_in_many_languages(text: str, form: str, day: date) -> None:
    assert find_time_formats([text])[0].replace("%d", "%-d") == form.replace("%d", "%-d")
    assert time_pattern(form).read(text)[0] == (day - date(1970, 1, 1)).days * DAY


def test_a_name_that_two_languages_disagree_on_is_refused_with_a_reason() -> None:
    # October in Croatian and November in Polish
    for text in ("5 listopada 2023", "5 lis 2023"):
        with pytest.raises(ValueError, match=r"names of months are read in English, German.*write others as numbers"):
            time_pattern("%-d %b %Y").read(text)
    with pytest.raises(ValueError, match="names a weekday that its date does not have"):
        time_pattern("%a %-d %b %Y").read("mar. 3 juin 2024")


def test_no_name_of_a_month_or_weekday_has_two_numbers() -> None:
    for letter, names in BY_LETTER.items():
        numbers: dict[str, set[int]] = {}
        for language in names:
            assert len(language.split()) == (12 if letter in "bB" else 7)
            for number, name in enumerate(language.split()):
                numbers.setdefault(fold_name(name), set()).add(number)
        assert all(len(each) == 1 for each in numbers.values())


@pytest.mark.parametrize("text", ["12/03/2024 10:15 p. m.", "12/03/2024 10:15 P.M.", "12/03/2024 10:15 p.\u00a0m."])
def test_halves_of_the_day_are_written_with_points_too(text: str) -> None:
    assert find_time_formats([text])[0] == "%d/%m/%Y %I:%M %p"
    assert time_pattern("%d/%m/%Y %I:%M %p").read(text)[0] % DAY == 22.25 * 3600 * 10**6


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("05.01.2024 10.30", "%d.%m.%Y %H.%M"),
        ("January 2024", "%B %Y"),
        ("Jan-2024", "%b-%Y"),
        ("2024 janv.", "%Y %b"),
    ],
)
def test_months_and_clocks_with_points_are_recognised(text: str, form: str) -> None:
    assert find_time_formats([text])[0] == form
    assert time_pattern(form).reads(text)


def test_a_year_before_christ_is_not_read_as_one_after() -> None:
    assert find_time_formats(["-0044-03-15"]) == []
