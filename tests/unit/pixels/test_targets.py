"""What can be converted to what."""

import pytest

from vna.dicom.encoding import ENCAPSULATED_UNCOMPRESSED_UID, EXPLICIT_LE_UID
from vna.dicom.supported import TRANSFER_SYNTAXES, SyntaxGroup
from vna.pixels.codecs import ALWAYS_LOSSY, COMPRESSIONS, MAYBE_LOSSY
from vna.pixels.targets import LOSSLESS, UNCOMPRESSED, targets_of

JPEG, JPEG_XL_RECOMPRESSION = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.111"


@pytest.mark.parametrize("source", sorted(COMPRESSIONS))
def test_compressed_pixels_can_be_had_uncompressed_and_in_every_lossless_syntax(source: str) -> None:
    targets = targets_of(source)

    assert targets[: len(UNCOMPRESSED)] == UNCOMPRESSED
    assert set(LOSSLESS) - {source} <= set(targets)
    assert source not in targets


@pytest.mark.parametrize("group", [SyntaxGroup.VIDEO, SyntaxGroup.REFERENCED])
def test_video_and_references_are_not_converted(group: SyntaxGroup) -> None:
    assert {targets_of(uid) for uid, its in TRANSFER_SYNTAXES.items() if its is group} == {()}


def test_nothing_is_compressed_with_loss() -> None:
    lossy = {uid for source in TRANSFER_SYNTAXES for uid in targets_of(source) if uid in ALWAYS_LOSSY}

    assert lossy == {JPEG, JPEG_XL_RECOMPRESSION}
    assert JPEG in targets_of(JPEG_XL_RECOMPRESSION)
    assert [uid for uid in TRANSFER_SYNTAXES if JPEG_XL_RECOMPRESSION in targets_of(uid)] == [JPEG]


def test_syntaxes_that_may_be_lossy_come_after_those_that_are_not() -> None:
    targets = targets_of(EXPLICIT_LE_UID)
    maybe = [targets.index(uid) for uid in MAYBE_LOSSY if uid in targets]

    assert min(maybe) > max(targets.index(uid) for uid in LOSSLESS)


def test_encapsulated_uncompressed_and_unknown_syntaxes_are_no_targets() -> None:
    assert targets_of("1.2.3.4") == ()
    assert ENCAPSULATED_UNCOMPRESSED_UID not in targets_of(EXPLICIT_LE_UID)
    assert targets_of(ENCAPSULATED_UNCOMPRESSED_UID)[0] == EXPLICIT_LE_UID


def test_every_syntax_of_the_archive_is_convertible_or_known_not_to_be() -> None:
    """Arithmetic and hierarchical JPEG are retired and read by no library, JPEG 2000 Part 2 is written by nobody."""
    images = (SyntaxGroup.LOSSLESS, SyntaxGroup.LOSSY)
    left = {uid for uid, group in TRANSFER_SYNTAXES.items() if group in images and not targets_of(uid)}
    jpeg = ("52", "54", "56", "58", "59", "60", "61", "62", "63", "64", "65", "66", "92", "93")

    assert left == {f"1.2.840.10008.1.2.4.{process}" for process in jpeg}
