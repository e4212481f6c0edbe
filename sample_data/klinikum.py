"""What the clinic in Germany sends: MR of the head with a report, an enhanced CT, electrocardiograms."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pydicom.dataset import Dataset

from sample_data import ct, ecg, enhanced_ct, mr, reports
from sample_data.brain import Head
from sample_data.identity import Seed
from sample_data.people import GROESSMANN, KUZNETSOVA, SUZUKI
from sample_data.sizes import Size
from sample_data.studies import Equipment, Series, Study
from sample_data.thorax import Build, Thorax

_MAGNET = Equipment("Isar Magnetresonanz", "Spindel 1.5", "IM-1044", "N4 VA11", "MRT2")
_SCANNER = Equipment("Nordlicht Imaging", "Polaris 256 E", "NL-51120", "PX 6.0.0", "CT1")
_CARDIOGRAPH = Equipment("Herzton", "Kardia 12", "HT-9001", "5.5", "EKG4")
_REPORTING = Equipment("Seeberg Software", "Befund", "SS-1", "11.2", "BEFUND3")
_AXIAL, _SAGITTAL, _CORONAL = mr.AXIAL, mr.SAGITTAL, mr.CORONAL


def everything(seed: Seed, size: Size) -> Iterator[Dataset]:
    """Yield all instances of this institution."""
    yield from _head_2022(seed, size)
    yield from _head_2025(seed, size)
    yield from _chest(seed, size)
    yield from _cardiograms(seed)


def _head_2022(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2022, 2, 3, 7, 50, 31, tzinfo=UTC)
    study = Study(
        seed, "head-2022", GROESSMANN, when, "MRT Schädel nativ", "S22-0203-17", ("ISO_IR 100",), "Täuber^Ilse"
    )
    slab = mr.Slab(max(2, size.mr_slices // 2), 11, 5, size.mr_side, *_CORONAL)
    yield from mr.sequence(Series(study, 2, "MR", "FLAIR cor", _MAGNET), _groessmann(seed, lesions=5), mr.FLAIR, slab)


def _head_2025(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2025, 2, 11, 10, 26, 2, tzinfo=UTC)
    study = Study(
        seed,
        "head-2025",
        GROESSMANN,
        when,
        "MRT Schädel, Verlaufskontrolle",
        "S25-0211-04",
        ("ISO_IR 192",),
        "Täuber^Ilse",
    )
    head = _groessmann(seed, lesions=9)
    n, side = size.mr_slices, size.mr_side
    planned = [
        ("T1 SE sag", mr.T1, mr.Slab(n, 144 / n, 4, side, *_SAGITTAL)),
        ("T2 TSE tra", mr.T2, mr.Slab(n, 120 / n, 5, side, *_AXIAL)),
        ("FLAIR cor", mr.FLAIR, mr.Slab(n, 160 / n, 5, side, *_CORONAL)),
    ]
    made: list[Dataset] = []
    for number, (description, contrast, slab) in enumerate(planned, 2):
        series = Series(study, number, "MR", description, _MAGNET, minutes=6 * number)
        made = mr.sequence(series, head, contrast, slab)
        yield from made
    sections = {
        "11329-0": "Bekannte Läsionen im Marklager, Verlaufskontrolle.",
        "18782-3": "Mehrere signalreiche Herde periventrikulär, gegenüber 2022 zahlreicher. Mittellinie regelrecht.",
        "19005-8": "Zunahme der Marklagerläsionen. Keine Raumforderung, keine Blutung.",
    }
    report = Series(study, 20, "SR", "Befund", _REPORTING, minutes=95)
    yield reports.in_words(report, made, sections, "Weißhäupl^Jürgen^^Dr.")


def _chest(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2021, 12, 1, 12, 9, 47, tzinfo=UTC)
    study = Study(
        seed, "chest-ru-2021", KUZNETSOVA, when, "CT Thorax mit KM", "S21-1201-33", ("ISO_IR 144",), "Taeuber^Ilse"
    )
    thorax = Thorax(Build(1.06, 20, 150, vessels=size.vessels), seed.rng("thorax", KUZNETSOVA.patient_id))
    recon = ct.Recon(size.enhanced.heights, 5.0, size.ct_side, field_of_view=400)
    yield enhanced_ct.volume(Series(study, 3, "CT", "Thorax axial 5 mm", _SCANNER, minutes=4), thorax, recon)


def _cardiograms(seed: Seed) -> Iterator[Dataset]:
    """Yield two electrocardiograms of one person, her name in ISO 2022 first and in UTF-8 six years later."""
    early = datetime(2019, 7, 23, 8, 33, 10, tzinfo=UTC)
    study = Study(seed, "ecg-2019", SUZUKI, early, "Ruhe-EKG 12 Kanal", "S19-0723-02", ("", "ISO 2022 IR 87"))
    yield ecg.resting(Series(study, 1, "ECG", "Ruhe-EKG", _CARDIOGRAPH), beats_per_minute=72)
    late = datetime(2025, 3, 18, 9, 12, 55, tzinfo=UTC)
    study = Study(seed, "ecg-2025", SUZUKI, late, "Ruhe-EKG 12 Kanal, Kontrolle", "S25-0318-11", ("ISO_IR 192",))
    yield ecg.resting(Series(study, 1, "ECG", "Ruhe-EKG", _CARDIOGRAPH), beats_per_minute=64)


def _groessmann(seed: Seed, *, lesions: int) -> Head:
    return Head(seed.rng("head", "groessmann"), lesions=lesions)
