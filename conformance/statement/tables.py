"""What the node is, read from its own tables, and where there are none, from what its code answers when it is asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydicom._uid_dict import UID_dictionary

from conformance.corpus import explicit_element
from vna.dicom.attributes import ATTRIBUTES, Attribute, Level, Model, unique_key
from vna.dicom.encoding import EXPLICIT_LE_UID
from vna.dicom.matching import ListOfUID, Matcher, Range, SequenceMatch, SingleValue, Universal, WildCard
from vna.dicom.query import parse_identifier
from vna.dicom.scan import scan
from vna.dicom.supported import QUERY_RETRIEVE_CLASSES, STORAGE_CLASSES, STORAGE_COMMITMENT, TRANSFER_SYNTAXES
from vna.dicom.text import decode, encode
from vna.dimse import pdu
from vna.dimse.associate import AssociateRequest, ProposedContext, UserInformation
from vna.dimse.negotiation import VERIFICATION, negotiate
from vna.dimse.pdu import Rejection
from vna.errors import IdentifierMismatch
from vna.settings import DimseSettings

_SAMPLES = (
    *("1", "20240101", "120000", "20240101120000", "1.2\\1.3", "A*"),
    *("20240101-20240131", "120000-130000", "20240101120000-20240131120000"),
)
_NAMES: Mapping[type[Matcher], str] = {
    SingleValue: "SINGLE_VALUE",
    ListOfUID: "LIST",
    WildCard: "WILDCARD",
    Range: "RANGE",
    SequenceMatch: "SEQUENCE",
}
_LONGEST_NEGOTIATION = 6

CHARACTER_SETS: Mapping[str, tuple[str, str]] = {
    "ISO_IR 6": ("ASCII, the default repertoire", "A"),
    "ISO_IR 100": ("Latin alphabet No. 1", "é"),
    "ISO_IR 101": ("Latin alphabet No. 2", "ř"),
    "ISO_IR 109": ("Latin alphabet No. 3", "ĝ"),
    "ISO_IR 110": ("Latin alphabet No. 4", "ė"),
    "ISO_IR 144": ("Cyrillic", "Л"),
    "ISO_IR 127": ("Arabic", "ق"),
    "ISO_IR 126": ("Greek", "Δ"),
    "ISO_IR 138": ("Hebrew", "ש"),
    "ISO_IR 148": ("Latin alphabet No. 5", "ğ"),
    "ISO_IR 203": ("Latin alphabet No. 9", "€"),
    "ISO_IR 13": ("Japanese katakana", "ﾔ"),
    "ISO_IR 166": ("Thai", "ไ"),
    "ISO 2022 IR 87": ("Japanese kanji (JIS X 0208)", "山"),
    "ISO 2022 IR 159": ("Japanese supplementary kanji (JIS X 0212)", "丂"),
    "ISO 2022 IR 149": ("Korean (KS X 1001)", "홍"),
    "ISO 2022 IR 58": ("Simplified Chinese (GB 2312)", "小"),
    "ISO_IR 192": ("Unicode in UTF-8", "王"),
    "GB18030": ("Chinese (GB 18030)", "王"),
    "GBK": ("Chinese (GBK)", "王"),
}
"""Defined terms of Specific Character Set (PS3.3 C.12.1.1.2), what each stands for, and a character of it."""


def uid_name(uid: str) -> str:
    """Return the name of a registered UID, the UID itself if it has none."""
    name = UID_dictionary.get(uid, (STORAGE_CLASSES.get(uid, uid),))[0]
    return str(name)


def is_retired(uid: str) -> bool:
    """Return whether PS3.6 marks a UID as retired."""
    return "Retired" in UID_dictionary.get(uid, ("", "", "", "", ""))[3:4]


def matching_kinds(attribute: Attribute) -> tuple[str, ...]:
    """Return the kinds of matching of a key at its level, in the words of PS3.2 Annex N, by asking with samples.

    LIST is said for a list of values of another VR than UI, which goes beyond the standard's list of UID.
    """
    if attribute.items:
        return (_NAMES[SequenceMatch], "UNIVERSAL")
    found = {type(_matcher(attribute, sample)) for sample in _SAMPLES}
    names = [name for kind, name in _NAMES.items() if kind in found]
    return (*("UID" if name == "LIST" and attribute.vr == "UI" else name for name in names), "UNIVERSAL")


def query_models(attribute: Attribute) -> tuple[Model, ...]:
    """Return the information models that have a key; Study Root has those of the patient at its STUDY level."""
    return tuple(model for model in Model if attribute.level in (*model.levels, Level.PATIENT))


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What the node agrees to for a SOP Class: transfer syntaxes one by one, and extended negotiation bytes."""

    syntaxes: tuple[str, ...]
    extended: bytes


def negotiated(sop_class: str) -> Negotiated:
    """Return what the node agrees to when each transfer syntax is proposed alone, and every extension wanted."""
    wanted = UserInformation(extended={sop_class: b"\1" * _LONGEST_NEGOTIATION})
    contexts = tuple(
        ProposedContext(2 * n + 1, sop_class, (syntax,)) for n, syntax in enumerate(sorted(TRANSFER_SYNTAXES))
    )
    agreed = negotiate(AssociateRequest("", "", contexts, wanted), DimseSettings())
    accepted = tuple(context.transfer_syntax for context in agreed.contexts.values())
    return Negotiated(accepted, agreed.extended.get(sop_class, b""))


def preferred_syntax(sop_class: str) -> str:
    """Return the transfer syntax the node takes where all are offered in one context."""
    context = ProposedContext(1, sop_class, tuple(sorted(TRANSFER_SYNTAXES)))
    agreed = negotiate(AssociateRequest("", "", (context,), UserInformation()), DimseSettings())
    return agreed.contexts[1].transfer_syntax


def character_sets() -> Iterator[tuple[str, str]]:
    """Yield the defined terms the node reads and writes, with what they stand for."""
    for term, (name, sample) in CHARACTER_SETS.items():
        terms = term if term.startswith(("ISO_IR", "GB")) else f"\\{term}"
        raw = encode(sample, terms)
        if raw is not None and decode(raw, terms) == sample:
            yield term, name


def rejections() -> Iterator[tuple[str, Rejection]]:
    """Yield every A-ASSOCIATE-RJ the node sends, by its name in the code."""
    return ((name, value) for name, value in vars(pdu).items() if isinstance(value, Rejection))


def sop_classes() -> Iterator[str]:
    """Yield every SOP Class the node knows."""
    yield VERIFICATION
    yield STORAGE_COMMITMENT
    yield from STORAGE_CLASSES
    yield from QUERY_RETRIEVE_CLASSES


def at_level(level: Level) -> Iterator[Attribute]:
    """Yield the attributes of a level: the unique key, then required, then optional keys, each by tag."""
    ranks = {"U": 0, "R": 1, "O": 2}
    return iter(
        sorted((each for each in ATTRIBUTES if each.level is level), key=lambda each: (ranks[each.kind], each.tag))
    )


def _matcher(attribute: Attribute, sample: str) -> Matcher:
    """Return what a C-FIND would make of a key, Universal where it refuses the sample."""
    model = Model.PATIENT_ROOT
    keys = {0x00080052: ("CS", attribute.level.value), attribute.tag: (attribute.vr, sample)}
    for above in model.levels[: model.levels.index(attribute.level)]:
        keys[unique_key(above).tag] = (unique_key(above).vr, "1")
    value = {tag: explicit_element(tag, vr if vr != "US" else "IS", text.encode()) for tag, (vr, text) in keys.items()}
    try:
        query = parse_identifier(scan(b"".join(value[tag] for tag in sorted(value)), EXPLICIT_LE_UID), model)
    except IdentifierMismatch:
        return Universal()
    return query.keys[attribute.keyword]
