"""What the infirmary in England sends: radiographs, ultrasound, mammograms, an MR and a scanned report."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pydicom.dataset import Dataset

from sample_data import mammogram, mr, pdf, radiograph, ultrasound
from sample_data.brain import Head
from sample_data.chu import lefevre_thorax
from sample_data.identity import Seed
from sample_data.people import LEFEVRE_ABROAD, LEVY, LI, OBRIEN, PAPADOPOULOU
from sample_data.projection import project
from sample_data.sizes import Size
from sample_data.studies import Equipment, Series, Study
from sample_data.thorax import Build, Thorax

_READER = Equipment("Fenwick X-ray", "Cassette 35", "FW-A124", "B12", "CR1")
_ECHO = Equipment("Tideline", "Sounding 7", "TL-7733", "6.3", "ECHO3")
_MAMMOGRAPH = Equipment("Fenwick X-ray", "Lumen 3D", "FW-M009", "1.14", "MAMMO1")
_MAGNET = Equipment("Skiddaw Magnetics", "Fell 1.5T", "SK-0815", "VB17", "MR1")
_SCANNED = Equipment("Fenwick X-ray", "Paper Desk", "FW-D002", "4", "OFFICE2")
_CHEST_HEIGHTS = (-55.0, 325.0)


def everything(seed: Seed, size: Size) -> Iterator[Dataset]:
    """Yield all instances of this institution."""
    yield from _chest_of_a_visitor(seed, size)
    yield from _head(seed, size)
    yield from _abroad_in_unicode(seed, size)
    yield from _echo(seed, size)
    yield from _chest(seed, size)
    yield from _letter(seed)
    yield from _screening(seed, size)


def _chest_of_a_visitor(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2023, 8, 2, 19, 20, 44, tzinfo=UTC)
    study = Study(seed, "visitor-2023", LEFEVRE_ABROAD, when, "CHEST PA", "SB0093182-1", (), "FENWICK^J")
    thorax = lefevre_thorax(seed, size, nodule_mm=9, blood=0)
    projection = project(thorax, size.rays, heights=_CHEST_HEIGHTS, half_width=175)
    yield radiograph.chest(Series(study, 1, "CR", "PA", _READER), projection, spacing=size.cr_spacing)


def _head(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2020, 10, 12, 8, 15, 9, tzinfo=UTC)
    study = Study(seed, "head-2020", PAPADOPOULOU, when, "MR HEAD ?MIGRAINE", "SB4711-20", ("ISO_IR 126",), "HALE^R")
    slab = mr.Slab(max(2, size.mr_slices // 2), 10, 5, size.mr_side, *mr.AXIAL)
    head = Head(seed.rng("head", PAPADOPOULOU.patient_id), lesions=0)
    yield from mr.sequence(Series(study, 2, "MR", "T2 tse tra", _MAGNET), head, mr.T2, slab)


def _abroad_in_unicode(seed: Seed, size: Size) -> Iterator[Dataset]:
    """Yield a later study of the same person, her name in UTF-8 this time."""
    when = datetime(2025, 6, 3, 13, 44, 0, tzinfo=UTC)
    study = Study(
        seed, "echo-2025", PAPADOPOULOU, when, "ECHOCARDIOGRAM, LIMITED", "SB4711-25", ("ISO_IR 192",), "HALE^R"
    )
    yield ultrasound.still(Series(study, 1, "US", "Apical 4-chamber", _ECHO), 1, rows=size.us_rows)


def _echo(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2024, 2, 19, 10, 2, 58, tzinfo=UTC)
    study = Study(
        seed, "echo-2024", LEVY, when, "ECHOCARDIOGRAM TRANSTHORACIC", "SB200417-1", ("ISO_IR 138",), "HALE^R"
    )
    series = Series(study, 1, "US", "Apical 4-chamber, colour", _ECHO)
    yield ultrasound.loop(series, 1, frames=size.us_frames, rows=size.us_rows)
    yield ultrasound.still(series, 2, rows=size.us_rows)


def _chest(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2023, 1, 16, 15, 31, 20, tzinfo=UTC)
    study = Study(seed, "chest-2023", LI, when, "CHEST PA", "SB0101377-1", ("GB18030",), "HALE^R")
    thorax = Thorax(Build(0.9, 10, 0, vessels=size.vessels), seed.rng("thorax", LI.patient_id))
    projection = project(thorax, size.rays, heights=_CHEST_HEIGHTS, half_width=160)
    yield radiograph.chest(Series(study, 1, "CR", "PA", _READER), projection, spacing=size.cr_spacing)


def _letter(seed: Seed) -> Iterator[Dataset]:
    when = datetime(2025, 1, 20, 9, 0, 0, tzinfo=UTC)
    study = Study(
        seed, "letter-2025", LI, when, "Letter from another hospital, scanned", "SB0101377-2", ("ISO_IR 192",)
    )
    lines = (
        "Re: Li Meihua, born 8 August 1994",
        "",
        "Thank you for referring this patient. Her chest radiograph of 16 January 2023",
        "shows clear lungs and a heart of normal size. No follow-up is needed.",
        "",
        "Dr R. Hale, Consultant Radiologist",
        "This person does not exist; the letter is part of a collection made for tests.",
    )
    yield pdf.report(
        Series(study, 1, "DOC", "Clinic letter", _SCANNED), "St Brannoc's Infirmary - clinic letter", lines
    )


def _screening(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2022, 9, 27, 11, 48, 15, tzinfo=UTC)
    study = Study(
        seed, "screening-2022", OBRIEN, when, "MAMMOGRAM SCREENING BILATERAL", "SB0088214-3", ("ISO_IR 100",), "HALE^R"
    )
    shown = Series(study, 1, "MG", "Screening, presentation", _MAMMOGRAPH)
    raw = Series(study, 2, "MG", "Screening, raw", _MAMMOGRAPH)
    breast = mammogram.Breast(0.7, implant=False, rows=size.mg_rows)
    for which in mammogram.VIEWS:
        seen = mammogram.compressed(study, which, breast)
        yield mammogram.view(shown, which, breast, seen)
        yield mammogram.raw_view(raw, which, breast, seen)
