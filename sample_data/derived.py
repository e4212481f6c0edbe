"""What every object made with highdicom goes through: the clock and its random UIDs give way to those of the series."""

from datetime import timedelta

from pydicom.dataset import Dataset
from pydicom.uid import UID

from sample_data.studies import Series, date, time

_RANDOM_ROOT = "1.2.826.0.1.3680043.10.511.3."
"""The root under which highdicom makes UIDs up."""

_DATES = {"InstanceCreationDate", "ContentDate", "PresentationCreationDate", "StructureSetDate"}
_TIMES = {"InstanceCreationTime", "ContentTime", "PresentationCreationTime", "StructureSetTime"}
_MOMENTS = {"ContributionDateTime", "VerificationDateTime", "ObservationDateTime"}


def settle(ds: Dataset, series: Series, number: int) -> Dataset:
    """Return a new object as part of its series: what it says of patient, study and equipment, its UIDs and times."""
    series.describe(ds)
    made = series.when + timedelta(seconds=number)
    given: dict[str, UID] = {}
    for element in ds.iterall():
        if element.keyword in _DATES:
            element.value = date(made)
        elif element.keyword in _TIMES:
            element.value = time(made)
        elif element.keyword in _MOMENTS:
            element.value = date(made) + time(made)
        elif element.VR == "UI" and str(element.value).startswith(_RANDOM_ROOT):
            name = (series.study.name, series.number, number, len(given))
            element.value = given.setdefault(str(element.value), series.study.seed.uid("made up", *name))
    return ds
