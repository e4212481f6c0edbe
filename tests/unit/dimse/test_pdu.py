"""The small PDUs, compared with pynetdicom's."""

import pytest
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RJ, A_RELEASE_RP, A_RELEASE_RQ, P_DATA_TF

from vna.dimse.pdu import (
    CALLED_AE_TITLE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    RELEASE_RP,
    RELEASE_RQ,
    AbortReason,
    AbortSource,
    Rejection,
    abort,
    data_header,
)


def test_release_is_as_pynetdicom_writes_it() -> None:
    assert A_RELEASE_RQ().encode() == RELEASE_RQ
    assert A_RELEASE_RP().encode() == RELEASE_RP


def test_an_abort_says_who_and_why() -> None:
    theirs = A_ABORT_RQ()
    theirs.decode(abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU))

    assert (theirs.source, theirs.reason_diagnostic) == (2, 2)


@pytest.mark.parametrize(
    ("rejection", "reason"),
    [
        (LOCAL_LIMIT_EXCEEDED, "Local limit exceeded"),
        (CALLED_AE_TITLE_NOT_RECOGNIZED, "Called AE title not recognised"),
    ],
)
def test_a_rejection_says_why(rejection: Rejection, reason: str) -> None:
    theirs = A_ASSOCIATE_RJ()
    theirs.decode(rejection.encode())

    assert theirs.reason_str.lower() == reason.lower()
    assert str(rejection).lower().replace("recognized", "recognised") == reason.lower()


def test_a_data_header_counts_its_payload() -> None:
    theirs = P_DATA_TF()
    theirs.decode(data_header(5, 2, 4) + b"data")

    (item,) = theirs.presentation_data_value_items
    assert (item.context_id, item.presentation_data_value) == (5, b"\2data")
