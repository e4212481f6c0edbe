import hashlib

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from held_data_sets import DataSet, held, in_code, in_files, packaged_files, sample_files
from pydicom_reading import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, data_sets, encode
from shared_samples import needs_samples
from vna.dicom.encoding import DEFLATED_UIDS, PIXEL_DATA
from vna.dicom.recipe import BlobPiece, HeaderPiece, Piece, Recipe, assemble, cut, plan
from vna.dicom.scan import BULK_SIZE, scan
from vna.errors import Damaged

A, B = hashlib.sha256(b"a").hexdigest(), hashlib.sha256(b"b").hexdigest()


def put_together(data_set: DataSet) -> bytes:
    stored = held(data_set.data, data_set.transfer_syntax)
    blobs = {digest: b"".join(stored.open_blob(digest)) for digest in stored.sizes}
    again = Recipe.from_cbor(stored.recipe.to_cbor())
    return assemble(stored.header, again, blobs)


@pytest.mark.parametrize("data_set", in_code(), ids=lambda data_set: data_set.name)
def test_what_was_cut_is_put_together_to_the_same_bytes(data_set: DataSet) -> None:
    assert put_together(data_set) == data_set.data


def test_files_that_come_with_pydicom_are_put_together_to_the_same_bytes() -> None:
    for data_set in in_files(packaged_files()):
        assert put_together(data_set) == data_set.data, data_set.name


@needs_samples
def test_samples_are_put_together_to_the_same_bytes() -> None:
    for data_set in in_files(sample_files()):
        assert put_together(data_set) == data_set.data, data_set.name


@settings(max_examples=40, deadline=None)
@given(data_sets(), st.sampled_from([IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE]), st.binary(min_size=2, max_size=9))
def test_any_data_set_with_pixels_is_put_together(dataset: Dataset, syntax: str, pixels: bytes) -> None:
    dataset.add_new(PIXEL_DATA, "OW", pixels[: len(pixels) // 2 * 2])
    data = encode(dataset, syntax)

    assert put_together(DataSet("", syntax, data)) == data


def test_the_header_holds_no_bulk() -> None:
    for data_set in in_code():
        stored = held(data_set.data, data_set.transfer_syntax)

        assert len(stored.header) < BULK_SIZE
        assert len(stored.header) + sum(stored.sizes[digest] for _, digest in stored.recipe.pieces) == len(
            data_set.data
        )


def test_a_header_is_read_without_its_blobs() -> None:
    for data_set in in_code():
        if data_set.transfer_syntax in DEFLATED_UIDS:
            continue
        stored = held(data_set.data, data_set.transfer_syntax)
        whole = scan(data_set.data, data_set.transfer_syntax)

        alone = scan(stored.header, stored.transfer_syntax, holes=stored.recipe.holes(stored.sizes))

        cut_out = {bulk.path[0] for bulk in whole.bulk if len(bulk.path) == 1}
        assert list(alone.elements) == list(whole.elements)
        assert [(bulk.path, bulk.length) for bulk in alone.bulk] == [(bulk.path, bulk.length) for bulk in whole.bulk]
        for tag in whole.elements:
            assert alone.raw(tag) == (None if tag in cut_out else whole.raw(tag)) or whole.elements[tag].vr == "SQ"


def test_a_header_is_read_when_the_bulk_lies_in_defined_lengths() -> None:
    icon = Dataset()
    icon.add_new(PIXEL_DATA, "OW", bytes(BULK_SIZE + 2))
    icon.add_new(0x7FE10010, "LO", "behind")
    dataset = Dataset()
    dataset.IconImageSequence = [icon, Dataset()]
    dataset.add_new(PIXEL_DATA, "OW", b"ab")
    data = encode(dataset, EXPLICIT_LE)
    stored = held(data, EXPLICIT_LE)

    alone = scan(stored.header, EXPLICIT_LE, holes=stored.recipe.holes(stored.sizes))

    first, second = alone.items(0x00880200)
    assert alone.raw(first[PIXEL_DATA]) is None
    assert alone.raw(first[0x7FE10010]) == b"behind"
    assert second == {}
    assert list(alone.elements) == [0x00880200, PIXEL_DATA]


def test_a_deflated_data_set_is_one_blob() -> None:
    (data_set,) = [found for found in in_code() if found.transfer_syntax in DEFLATED_UIDS]

    pieces = cut(scan(data_set.data, data_set.transfer_syntax), len(data_set.data))

    assert pieces.header == b""
    assert [(bulk.path, bulk.offset, bulk.length) for bulk in pieces.bulk] == [((), 0, len(data_set.data))]
    assert pieces.recipe([A]) == Recipe((Piece(0, A),))


def test_a_plan_has_no_empty_pieces_and_knows_the_sizes() -> None:
    recipe = Recipe((Piece(0, A), Piece(3, B)))

    assert plan(b"xyz", recipe, {A: 10, B: 20}) == (
        BlobPiece(A, 10),
        HeaderPiece(memoryview(b"xyz")),
        BlobPiece(B, 20),
    )


def test_the_same_blob_may_be_used_twice() -> None:
    assert assemble(b"xy", Recipe((Piece(1, A), Piece(2, A))), {A: b"__"}) == b"x__y__"


@pytest.mark.parametrize("recipe", [Recipe((Piece(9, A),)), Recipe((Piece(2, A), Piece(1, A))), Recipe((Piece(1, B),))])
def test_a_recipe_that_does_not_fit_is_damaged(recipe: Recipe) -> None:
    with pytest.raises(Damaged):
        plan(b"header", recipe, {A: 1})


def test_the_stored_form_is_pinned() -> None:
    recipe = Recipe((Piece(300, A),))

    assert recipe.to_cbor() == bytes.fromhex("8201818219012c5820") + bytes.fromhex(A)
    assert Recipe.from_cbor(recipe.to_cbor()) == recipe


@pytest.mark.parametrize(
    "data", [b"", b"\xff", cbor2.dumps([2, []]), cbor2.dumps(7), cbor2.dumps([1, [[1]]]), cbor2.dumps([1, [[1, 2]]])]
)
def test_what_is_no_recipe_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        Recipe.from_cbor(data)
