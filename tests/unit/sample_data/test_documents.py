"""Waveforms and documents."""

import re

import numpy as np
from pydicom.dataset import Dataset

from sample_data import pdf


def test_the_leads_of_an_ecg_agree(files: dict[str, Dataset]) -> None:
    """Einthoven's and Goldberger's leads follow from I and II, to within rounding."""
    for ds in files.values():
        if ds.Modality != "ECG":
            continue
        group = ds.WaveformSequence[0]
        lead = dict(zip(_labels(group), _samples(group).T.astype(int), strict=True))
        assert np.abs(lead["II"] - lead["I"] - lead["III"]).max() <= 2
        assert np.abs(lead["aVR"] + lead["aVL"] + lead["aVF"]).max() <= 2


def test_an_ecg_beats_at_the_rate_it_says(files: dict[str, Dataset]) -> None:
    for ds in files.values():
        if ds.Modality != "ECG":
            continue
        group = ds.WaveformSequence[0]
        two = _samples(group)[:, 1]
        peaks = np.flatnonzero((two[1:] > two.max() * 0.6) & (two[:-1] <= two.max() * 0.6))
        measured = ds.WaveformAnnotationSequence[0]
        assert measured.ConceptNameCodeSequence[0].CodeMeaning == "RR Interval"
        assert abs(np.diff(peaks).mean() / group.SamplingFrequency * 1000 - float(measured.NumericValue)) < 15


def test_the_pdf_says_where_its_objects_are() -> None:
    data = pdf.document("Title (1)", ("line", "Ümlaut"))

    table = int(re.findall(rb"startxref\n(\d+)\n", data)[0])
    offsets = [int(offset) for offset in re.findall(rb"(\d{10}) 00000 n", data[table:])]
    assert data[table : table + 4] == b"xref"
    assert [data[at : at + 7] for at in offsets] == [b"%d 0 obj" % n for n in range(1, len(offsets) + 1)]
    stream = re.search(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", data, re.DOTALL)
    assert stream is not None
    assert int(stream[1]) == len(stream[2])
    assert b"Title \\(1\\)" in stream[2]


def test_the_encapsulated_pdf_has_the_length_it_says(files: dict[str, Dataset]) -> None:
    ds = next(ds for ds in files.values() if ds.Modality == "DOC")

    assert ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength].endswith(b"%%EOF\n")
    assert 0 <= len(ds.EncapsulatedDocument) - ds.EncapsulatedDocumentLength <= 1


def _labels(group: Dataset) -> list[str]:
    return [channel.ChannelLabel for channel in group.ChannelDefinitionSequence]


def _samples(group: Dataset) -> np.ndarray:
    return np.frombuffer(group.WaveformData, "<i2").reshape(
        group.NumberOfWaveformSamples, group.NumberOfWaveformChannels
    )
