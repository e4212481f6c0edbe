"""Every error tells a DICOM peer a status the standard knows as a failure."""

import inspect

import pytest

from vna import errors

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, errors.VnaError)]

FAILURES = [range(0x0105, 0x0125), range(0x0210, 0x0214), range(0xA700, 0xB000), range(0xC000, 0xD000)]
"""PS3.7 Annex C; PS3.4 B.2.3, C.4.1.1.4, C.4.2.1.5, C.4.3.1.4: none is success, a warning, cancel or pending."""


@pytest.mark.parametrize("error", CLASSES)
def test_an_error_is_a_failure_to_a_peer(error: type[errors.VnaError]) -> None:
    assert any(error.status in failures for failures in FAILURES)


@pytest.mark.parametrize("error", CLASSES)
def test_an_error_says_what_it_means(error: type[errors.VnaError]) -> None:
    assert error.__doc__
    assert error.__doc__.strip().endswith(".")
