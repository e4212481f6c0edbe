"""Numbers in words, the same on the page and at the command line."""

from vna.archive import Counts, ExtraProgress, Intake, Overview, StoreStanding

_UNITS = ("kB", "MB", "GB", "TB", "PB")
_LONG_DAYS = 3650
_DAY = len("2026-01-31")
_DATE, _MINUTE = len("20260131"), len("0941")


def size(count: float) -> str:
    """Return bytes in the largest decimal unit that leaves a number above one.

    >>> size(999), size(1_500_000), size(2e18)
    ('999 bytes', '1.5 MB', '2000.0 PB')
    """
    if count < 1000:
        return f"{count:.0f} bytes"
    value = count / 1000
    for unit in _UNITS[:-1]:
        if value < 1000:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} {_UNITS[-1]}"


def held(counts: Counts) -> str:
    """Return how much is held and shown.

    >>> held(Counts(1, 1, 2, 1000, 0, 0, 0, 0, 0))
    '1 patient, 1 study, 2 series, 1,000 instances'
    """
    patients, studies = number(counts.patients, "patient"), number(counts.studies, "study", "studies")
    return f"{patients}, {studies}, {counts.series:,} series, {number(counts.instances, 'instance')}"


def set_aside(counts: Counts) -> str:
    """Return what is not as it should be, as a further sentence, empty where nothing is."""
    found = [f"{number(counts.rejected, 'instance')} rejected"] if counts.rejected else []
    found += [f"{number(counts.flags, 'conflict')} flagged"] if counts.flags else []
    return f"; {', '.join(found)}" if found else ""


def number(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def person(name: str) -> str:
    """Return a person name (PN, PS3.5 6.2.1) as people write it, with what it is in ideographs or by sound.

    >>> person("Lefèvre^Éloïse^Marie^Mme"), person("Yamada^Tarou=山田^太郎=やまだ^たろう"), person("^Anna")
    ('Lefèvre, Éloïse Marie, Mme', 'Yamada, Tarou (山田 太郎, やまだ たろう)', 'Anna')
    """
    alphabetic, *others = name.split("=")
    family, given, middle, *titles = (part.strip() for part in f"{alphabetic}^^".split("^"))
    parts = (family, " ".join(filter(None, (given, middle))), *titles)
    written = ", ".join(filter(None, parts))
    further = ", ".join(filter(None, (" ".join(filter(None, other.split("^"))) for other in others)))
    return f"{written} ({further})" if written and further else written or further


def day(text: str) -> str:
    """Return a date (DA) as ISO 8601, anything else as it is.

    >>> day("20260131"), day("unknown")
    ('2026-01-31', 'unknown')
    """
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == _DATE and text.isdecimal() else text


def clock(text: str) -> str:
    """Return a time (TM) to the minute, anything else as it is.

    >>> clock("094107.25"), clock("09"), clock("")
    ('09:41', '09', '')
    """
    return f"{text[:2]}:{text[2:4]}" if text[:4].isdecimal() and len(text) >= _MINUTE else text


def came_in(intake: Intake | None) -> str:
    """Return what came from one source."""
    return f"{number(intake.arrived, 'instance')}, {size(intake.received_bytes)}" if intake else "-"


def by_source(overview: Overview) -> list[tuple[str, str, str]]:
    """Return what came in by source: its name, what today, what in the last seven days."""
    today = {intake.source: intake for intake in overview.today}
    return [(week.source, came_in(today.get(week.source)), came_in(week)) for week in overview.week]


def store(found: StoreStanding) -> str:
    """Return how one store stands.

    >>> store(StoreStanding("far", "s3://b", 12, 1, "2026-02-01T00:00:00+00:00", 0.25, 3, 9, 0, None, None))
    'store far (s3://b): 12 files right, 1 DAMAGED; never read again in full; 25 % of a round since 2026-02-01'
    """
    where = found.location or "NOT IN THE SETTINGS"
    there = f"{number(found.present, 'file')} right" + (f", {found.bad:,} DAMAGED" if found.bad else "")
    read = "never read again in full"
    if found.last_round_began and found.last_round_ended:
        read = f"read again in full from {found.last_round_began[:_DAY]} to {found.last_round_ended[:_DAY]}"
    if found.round_began:
        read += f"; {found.share_done * 100:.0f} % of a round since {found.round_began[:_DAY]}"
    if found.locked:
        ended = f"until {found.locked_until[:_DAY]}" if found.locked_until else "by a legal hold"
        there += f", {number(found.locked, 'file')} to be deleted locked {ended}"
    short = f"; NO ROOM: {found.shortage}" if found.shortage else ""
    return f"store {found.store} ({where}): {there}; {read}{short}"


def extra_attribute(found: ExtraProgress) -> str:
    """Return how far stored headers are read for an extra attribute.

    >>> extra_attribute(ExtraProgress("ExposureTime@instance", 500, 2000))
    'extra attribute ExposureTime@instance: headers read up to 500 of 2,000; queries read the others themselves'
    """
    if found.read_upto >= found.position:
        return f"extra attribute {found.setting}: all headers read"
    upto = f"headers read up to {found.read_upto:,} of {found.position:,}"
    return f"extra attribute {found.setting}: {upto}; queries read the others themselves"


def space(overview: Overview) -> str:
    """Return how much is stored, and how much more could be."""
    holds = overview.holds
    stored = f"{size(holds.stored_bytes)} stored for {size(holds.received_bytes)} received"
    if overview.space is None:
        return f"{stored}, no limit known"
    return f"{stored}, {size(overview.space.free)} of {size(overview.space.total)} free"


def outlook(overview: Overview) -> str:
    """Return how long the space lasts, or why that cannot be told."""
    if overview.space is None:
        return "How long the space lasts: the store knows no limit."
    if overview.space.free <= overview.space.kept_free:
        return f"The space is used up: {size(overview.space.kept_free)} are kept free, and nothing is taken in."
    if overview.bytes_per_day is None:
        return "How long the space lasts: no telling before a day has passed since the first instance."
    if overview.days_left is None:
        return "How long the space lasts: no telling, nothing new was stored in the last 7 days."
    rate = f"At the rate of the last 7 days ({size(overview.bytes_per_day)} a day)"
    if overview.days_left > _LONG_DAYS:
        return f"{rate} the space lasts for more than ten years."
    return f"{rate} the space lasts for {number(int(overview.days_left), 'day')}."
