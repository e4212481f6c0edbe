"""Which VR an element has when its bytes do not say: dictionary, private creators, ambiguous VRs.

The dictionaries are pydicom's. Where the standard leaves a choice (PS3.6: "US or SS", "OB or OW") it is
made from other elements of the data set, as pydicom's `correct_ambiguous_vr` does for what was implicit
VR: OW, never OB (PS3.5 A.1), and US or SS by Pixel Representation of the nearest data set around it.
"""

from typing import Final

from pydicom.datadict import dictionary_VR, private_dictionary_VR

from vna.dicom.encoding import WORD

PIXEL_REPRESENTATION: Final = 0x00280103
LUT_DESCRIPTOR: Final = 0x00283002

UNKNOWN: Final = "UN"


class VRLookup:
    """Answers for one data set while it is read from front to back.

    Tell it of every element (`note`) and of every item begun and ended, because private creators count
    for their own item only.

    Args:
        signed: whether Pixel Representation of the whole data set says so; nested elements may need it
            before it comes.
    """

    def __init__(self, *, signed: bool) -> None:
        self._creators: list[dict[int, str]] = [{}]
        self._signed: list[bool] = [signed]
        self._single_entry: list[bool] = [False]

    def begin_item(self) -> None:
        """Go into an item of a sequence."""
        self._creators.append({})
        self._signed.append(self._signed[-1])
        self._single_entry.append(False)

    def end_item(self) -> None:
        """Come out of an item."""
        self._creators.pop()
        self._signed.pop()
        self._single_entry.pop()

    def note(self, tag: int, value: bytes) -> None:
        """Remember a little endian value if the VR of others depends on it."""
        if tag & 0x10000 == 0:
            if tag == PIXEL_REPRESENTATION:
                self._signed[-1] = value[:2] == b"\x01\x00"
            elif tag == LUT_DESCRIPTOR:
                self._single_entry[-1] = value[:2] == b"\x01\x00"
        elif _is_creator(tag):
            self._creators[-1][tag] = value.strip(b"\0 ").decode("latin-1")

    def find(self, tag: int, length: int) -> str:
        """Return the VR of an element whose value has `length` bytes, `UN` if nobody knows.

        A private dictionary is not believed where the length contradicts it.
        """
        if tag & 0xFFFF == 0:
            return "UL"
        try:
            if not tag >> 16 & 1:
                return self._decide(dictionary_VR(tag))
            vr = self._decide(self._private(tag))
        except KeyError:
            return UNKNOWN
        return UNKNOWN if length % WORD.get(vr, 1) else vr

    def _private(self, tag: int) -> str:
        if _is_creator(tag):
            return "LO"
        creator = self._creators[-1][tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8]
        return private_dictionary_VR(tag, creator)

    def _decide(self, vr: str) -> str:
        if vr == "US or SS":
            return "SS" if self._signed[-1] else "US"
        if vr == "US or OW" and self._single_entry[-1]:
            return "US"
        if "OW" in vr:
            return "OW"
        return vr if len(vr) == 2 else UNKNOWN


def _is_creator(tag: int) -> bool:
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF
