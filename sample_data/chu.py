"""What the university hospital in France sends: chest CTs with all that is derived from them, mammograms, a slide."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from pydicom.dataset import Dataset

from sample_data import contours, ct, mammogram, marks, reports, segmentation, slide
from sample_data.identity import Seed
from sample_data.people import KIM, LEFEVRE, QABBANI
from sample_data.projection import project
from sample_data.sizes import Size, Stack
from sample_data.studies import Equipment, Series, Study
from sample_data.thorax import NODULE, Build, Thorax

_SCANNER = Equipment("Nordlicht Imaging", "Polaris 128", "NL-40718", "PX 4.2.1", "SCANNER2")
_WORKSTATION = Equipment("Brume Logiciels", "Cartographe", "BL-0031", "7.1", "POSTE12")
_MAMMOGRAPH = Equipment("Selene Medical", "Aurore DR", "SM-2217", "3.0.9", "SENO1")
_MICROSCOPE = Equipment("Okulus Optik", "SlideLine 20", "OK-118", "2.8", "LAMES1")
FOLLOW_UP = "chest-2024"
"""The name of the study that most objects hang on."""

_SCOUT_HEIGHTS = (-60.0, 330.0)


@dataclass(frozen=True, slots=True)
class _Scan:
    """A series of axial slices and what it was made of."""

    slices: list[Dataset]
    recon: ct.Recon
    thorax: Thorax

    def nodule(self) -> tuple[Dataset, tuple[float, float]]:
        """Return the slice nearest to the middle of the nodule, and where the nodule is on it (column, row)."""
        image = min(self.slices, key=lambda ds: abs(float(ds.ImagePositionPatient[2]) - NODULE[2]))
        left, top, _ = (float(v) for v in image.ImagePositionPatient)
        return image, ((NODULE[0] - left) / self.recon.pixel + 0.5, (NODULE[1] - top) / self.recon.pixel + 0.5)


def lefevre_thorax(seed: Seed, size: Size, *, nodule_mm: float, blood: float) -> Thorax:
    """Return the chest of Mme Lefèvre: the same in all her studies, but for contrast medium and her nodule."""
    return Thorax(Build(0.98, 15, blood, nodule_mm, size.vessels), seed.rng("thorax", "lefevre"))


def everything(seed: Seed, size: Size) -> Iterator[Dataset]:
    """Yield all instances of this institution."""
    yield from _chest_2021(seed, size)
    yield from _chest_2024(seed, size)
    yield from _mammogram(seed, size)
    yield from _colon(seed, size)


def _chest_2021(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2021, 3, 9, 9, 41, 7, tzinfo=UTC)
    study = Study(
        seed,
        "chest-2021",
        LEFEVRE,
        when,
        "Scanner thoracique sans injection",
        "VDB2103091",
        ("ISO_IR 100",),
        "Aubépin^Luc",
    )
    thorax = lefevre_thorax(seed, size, nodule_mm=6.5, blood=0)
    yield _scout(study, size, thorax)
    yield from _axial(study, 2, "Parenchyme 5 mm", thorax, _recon(size, size.prior)).slices


def _chest_2024(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2024, 5, 14, 14, 12, 33, tzinfo=UTC)
    study = Study(
        seed, FOLLOW_UP, LEFEVRE, when, "Scanner thoracique injecté", "VDB2405147", ("ISO_IR 192",), "Aubépin^Luc"
    )
    thorax = lefevre_thorax(seed, size, nodule_mm=11, blood=130)
    yield _scout(study, size, thorax)
    thick = _axial(study, 2, "Médiastin épais", thorax, _recon(size, size.thick))
    thin_recon = ct.Recon(
        size.thin.heights, 1.0, size.ct_side, field_of_view=200, centre=(-75, 0), noise_hu=42, sharp=True
    )
    thin = _axial(study, 3, "Parenchyme fin, lobe supérieur droit", thorax, thin_recon)
    yield from thick.slices
    yield from thin.slices
    yield from _derived(study, thick, thin)


def _derived(study: Study, thick: _Scan, thin: _Scan) -> Iterator[Dataset]:
    """Yield what a workstation makes of the scan."""
    image, centre = thin.nodule()
    made = _on_workstation(study, 10, "SEG", "Segmentation poumons")
    lungs = segmentation.binary(made, thick.slices, thick.thorax, thick.recon)
    yield lungs
    made = _on_workstation(study, 11, "SEG", "Poumon droit, probabilité")
    yield segmentation.fractional(made, thin.slices, thin.thorax, thin.recon)
    volumes = (segmentation.volume_ml(lungs, 1), segmentation.volume_ml(lungs, 2))
    findings = reports.Findings(image, centre, 11.0, lungs, thick.slices, volumes)
    yield reports.measurements(_on_workstation(study, 12, "SR", "Mesures"), findings, "Morvan^Anne^^Dr")
    yield marks.presentation(_on_workstation(study, 13, "PR", "Nodule annoté"), image, centre, "Nodule 11 mm")
    yield marks.key_images(_on_workstation(study, 14, "KO", "Images clés"), [image], "Nodule du lobe supérieur droit")
    made = _on_workstation(study, 15, "RTSTRUCT", "Contours thorax")
    yield contours.structure_set(made, thick.slices, thick.thorax)


def _mammogram(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2023, 11, 6, 11, 5, 50, tzinfo=UTC)
    study = Study(
        seed, "mammogram-2023", QABBANI, when, "Mammographie bilaterale", "VDB2311064", ("ISO_IR 127",), "Aubepin^Luc"
    )
    series = Series(study, 1, "MG", "Mammographie 4 incidences", _MAMMOGRAPH)
    breast = mammogram.Breast(0.45, implant=True, rows=size.mg_rows)
    for which in mammogram.VIEWS:
        yield mammogram.view(series, which, breast, mammogram.compressed(study, which, breast))


def _colon(seed: Seed, size: Size) -> Iterator[Dataset]:
    when = datetime(2022, 6, 20, 16, 30, 12, tzinfo=UTC)
    study = Study(
        seed, "colon-2022", KIM, when, "Anatomopathologie biopsie colique", "VDB2206203", ("", "ISO 2022 IR 149")
    )
    yield from slide.levels(Series(study, 1, "SM", "HE x20", _MICROSCOPE), size.slide)


def _recon(size: Size, stack: Stack) -> ct.Recon:
    return ct.Recon(stack.heights, min(stack.step, 5.0), size.ct_side)


def _scout(study: Study, size: Size, thorax: Thorax) -> Dataset:
    projection = project(thorax, size.scout_rays, heights=_SCOUT_HEIGHTS)
    return ct.scout(Series(study, 1, "CT", "Topogramme", _SCANNER), thorax, projection)


def _axial(study: Study, number: int, description: str, thorax: Thorax, recon: ct.Recon) -> _Scan:
    series = Series(study, number, "CT", description, _SCANNER, minutes=number)
    return _Scan(ct.axial(series, thorax, recon), recon, thorax)


def _on_workstation(study: Study, number: int, modality: str, description: str) -> Series:
    return Series(study, number, modality, description, _WORKSTATION, minutes=30 + number)
