"""A 12-lead electrocardiogram at rest (PS3.3 A.34.3): ten seconds, 500 samples a second, P, QRS and T in every lead."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import TwelveLeadECGWaveformStorage

from sample_data.studies import Series, code, date, item, time

_RATE_HZ, _SECONDS = 500, 10
_MICROVOLTS_PER_STEP = 2.5

_WAVES = {
    "P": (-0.170, 0.022),
    "Q": (-0.034, 0.0085),
    "R": (0.0, 0.0105),
    "S": (0.032, 0.010),
    "T": (0.285, 0.048),
}
"""Where each wave stands from the R peak, and how wide it is, in seconds."""

_AMPLITUDES = {
    "I": (70, -35, 620, -110, 190),
    "II": (120, -60, 1080, -170, 290),
    "V1": (45, 0, 210, -980, -60),
    "V2": (55, 0, 420, -1450, 330),
    "V3": (60, -15, 720, -920, 410),
    "V4": (65, -60, 1280, -480, 390),
    "V5": (65, -90, 1230, -210, 320),
    "V6": (60, -95, 980, -90, 240),
}
"""Microvolts of P, Q, R, S and T in the leads that are measured; the others follow from I and II."""

_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_MDC_LEADS = dict(
    zip(
        _LEADS,
        ("2:1", "2:2", "2:61", "2:62", "2:63", "2:64", "2:3", "2:4", "2:5", "2:6", "2:7", "2:8"),
        strict=True,
    )
)
_MDC_NAMES = {lead: f"Lead {lead}" for lead in _LEADS}


def resting(series: Series, *, beats_per_minute: float) -> Dataset:
    """Return an ECG at about this rate."""
    ds = series.new_instance(TwelveLeadECGWaveformStorage, 1)
    peaks = _peaks(series.rng, beats_per_minute)
    leads = _leads(series.rng, peaks)
    ds.AcquisitionDateTime = date(series.when) + time(series.when)
    ds.AcquisitionContextSequence = [
        item(
            ValueType="CODE",
            ConceptNameCodeSequence=_placement("5.4.5-33-1", "Electrode Placement"),
            ConceptCodeSequence=_placement("5.4.5-33-1-1", "Standard 12-lead positions"),
        )
    ]
    channels = [_channel(number, lead) for number, lead in enumerate(_LEADS, 1)]
    samples = np.stack([np.rint(leads[lead] / _MICROVOLTS_PER_STEP) for lead in _LEADS], axis=1).astype("<i2")
    group = item(
        WaveformOriginality="ORIGINAL",
        NumberOfWaveformChannels=len(channels),
        NumberOfWaveformSamples=_RATE_HZ * _SECONDS,
        SamplingFrequency=_RATE_HZ,
        MultiplexGroupLabel="RHYTHM",
        ChannelDefinitionSequence=channels,
        WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
    )
    group.add_new("WaveformData", "OW", samples.tobytes())
    ds.WaveformSequence = [group]
    ds.WaveformAnnotationSequence = _annotations(peaks)
    return ds


def _peaks(rng: np.random.Generator, beats_per_minute: float) -> NDArray[np.float64]:
    """Return when R peaks are, in seconds; the rate follows breathing."""
    peaks, at = [], 0.35
    while at < _SECONDS + 0.5:
        peaks.append(at)
        at += 60 / beats_per_minute * (1 + 0.03 * np.sin(2 * np.pi * at / 4.1)) + rng.normal(0, 0.006)
    return np.array(peaks)


def _leads(rng: np.random.Generator, peaks: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return microvolts by lead: wandering baseline, muscle and a little mains hum included."""
    t = np.arange(_RATE_HZ * _SECONDS) / _RATE_HZ
    leads = {}
    for lead, amplitudes in _AMPLITUDES.items():
        signal = 28 * np.sin(2 * np.pi * 0.24 * t + rng.uniform(0, 6)) + rng.normal(0, 5, t.size)
        signal += 3 * np.sin(2 * np.pi * 50 * t + rng.uniform(0, 6))
        for (offset, width), amplitude in zip(_WAVES.values(), amplitudes, strict=True):
            for peak in peaks:
                signal += amplitude * np.exp(-(((t - peak - offset) / width) ** 2) / 2)
        leads[lead] = signal
    one, two = leads["I"], leads["II"]
    leads |= {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    return leads


def _channel(number: int, lead: str) -> Dataset:
    """Return the definition of a channel (PS3.3 C.10.9.1.4)."""
    return item(
        WaveformChannelNumber=number,
        ChannelLabel=lead,
        ChannelSourceSequence=code(_MDC_LEADS[lead], "MDC", _MDC_NAMES[lead]),
        ChannelSensitivity=_MICROVOLTS_PER_STEP,
        ChannelSensitivityUnitsSequence=code("uV", "UCUM", "microvolt"),
        ChannelSensitivityCorrectionFactor=1,
        ChannelBaseline=0,
        ChannelSampleSkew=0,
        WaveformBitsStored=16,
        FilterLowFrequency=0.05,
        FilterHighFrequency=150,
    )


def _placement(value: str, meaning: str) -> Dataset:
    """Return a code of SCP-ECG, whose version must be told (PS3.16 CID 3263)."""
    coded = code(value, "SCPECG", meaning)
    coded.CodingSchemeVersion = "1.3"
    return coded


def _annotations(peaks: NDArray[np.float64]) -> list[Dataset]:
    """Return the measurements (PS3.3 C.10.10)."""
    measured = [
        ("2:16016", "RR Interval", round(1000 * float(np.diff(peaks).mean())), "ms", "millisecond"),
        ("2:15872", "PR Interval", 158, "ms", "millisecond"),
        ("2:16156", "QRS Duration", 92, "ms", "millisecond"),
        ("2:16160", "QT Interval", 384, "ms", "millisecond"),
    ]
    return [
        item(
            AnnotationGroupNumber=0,
            ReferencedWaveformChannels=[1, 0],
            ConceptNameCodeSequence=code(value, "MDC", meaning),
            NumericValue=number,
            MeasurementUnitsCodeSequence=code(unit, "UCUM", unit_name),
        )
        for value, meaning, number, unit, unit_name in measured
    ]
