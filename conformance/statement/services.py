"""Chapter 4: what the services do, class by class and key by key (PS3.2 N.5)."""

from collections.abc import Iterator

from conformance.statement.answers import status_section
from conformance.statement.document import Block, Paragraph, Section, Table, paragraph, points, table
from conformance.statement.tables import (
    at_level,
    is_retired,
    matching_kinds,
    negotiated,
    preferred_syntax,
    query_models,
    uid_name,
)
from conformance.statement.web import web_services
from vna.archive import FailureReason
from vna.dicom.attributes import OF_THE_ANSWER, Attribute, Kind, Level
from vna.dicom.encoding import tag_text
from vna.dicom.supported import (
    QUERY_RETRIEVE_CLASSES,
    STORAGE_CLASSES,
    STORAGE_COMMITMENT,
    TRANSFER_SYNTAXES,
    Operation,
    SyntaxGroup,
)
from vna.dimse.negotiation import VERIFICATION
from vna.model import RejectedAgain, RejectionReason
from vna.pixels.targets import targets_of
from vna.retention import NotePolicy
from vna.retention.policies import DEFAULT_NOTES
from vna.settings import Settings

_REASONS = {
    "PROCESSING_FAILURE": "It is held, and its bytes are not what came. It is to be sent again.",
    "NO_SUCH_INSTANCE": "Nothing that the requestor sent is held under this UID, or it was rejected.",
    "CLASS_INSTANCE_CONFLICT": "It is held with another SOP Class.",
    "CLASS_NOT_SUPPORTED": "It is not held, and its SOP Class is no storage SOP Class of the standard.",
    "DUPLICATE_TRANSACTION": "The Transaction UID is that of another request which is not settled.",
    "RESOURCE_LIMITATION": "A copy is not there, or cannot be read, after `dimse.commitment_patience_s`.",
}
_GROUPS = {
    SyntaxGroup.UNCOMPRESSED: "uncompressed",
    SyntaxGroup.DEFLATED: "deflated data set",
    SyntaxGroup.LOSSLESS: "lossless",
    SyntaxGroup.LOSSY: "may be lossy",
    SyntaxGroup.VIDEO: "video",
    SyntaxGroup.REFERENCED: "pixels by reference",
}
_NOTE_POLICIES = {
    NotePolicy.HIDE: "hidden, and stays so when it is sent again",
    NotePolicy.REPLACE: "hidden, until other content comes under the same UIDs from the same source",
    NotePolicy.IGNORE: "the note is kept, and changes nothing",
}
_KEY_TYPES = {Kind.UNIQUE: "U", Kind.REQUIRED: "R", Kind.OPTIONAL: "O"}
_FIND_BYTES = (
    "relational queries",
    "combined date and time matching",
    "fuzzy semantic matching of person names",
    "timezone query adjustment",
    "enhanced multi-frame image conversion",
)
_RETRIEVE_BYTES = ("relational retrieval", "enhanced multi-frame image conversion")
_STORAGE_BYTES = ("level of support", "reserved", "level of digital signature support", "reserved", "element coercion")


def services() -> Section:
    """Return the chapter."""
    return Section(
        "Service and Interoperability Description",
        (),
        (
            _verification(),
            _storage(),
            _commitment(),
            _query(),
            _retrieve(),
            _extended_negotiation(),
            status_section(),
            web_services(),
        ),
    )


def _verification() -> Section:
    text = f"C-ECHO is answered with success (`{VERIFICATION}`), and sent to a peer by `vna peers test`."
    return Section("Verification Service Class", (Paragraph(text),))


def _storage() -> Section:
    classes = sorted(STORAGE_CLASSES.items(), key=lambda item: [int(part) for part in item[0].split(".")])
    rows = [(name + (" (retired)" if is_retired(uid) else ""), f"`{uid}`", "Yes", "Yes") for uid, name in classes]
    return Section(
        "Storage Service Class",
        (
            points(
                f"""
                - Level 2 (full): every attribute is kept, private ones too, exactly as it came (PS3.4 B.4.1).
                - No element is coerced; digital signatures are kept as they are and not verified.
                - Every SOP Class is taken in all of the {len(TRANSFER_SYNTAXES)} transfer syntaxes below;
                  private SOP Classes when they are configured (`dimse.private_sop_classes`).
                - Success means: on disk, indexed, and findable.
                """
            ),
            table("Storage SOP Classes", ("SOP Class", "UID", "SCU", "SCP"), rows),
        ),
        (_transfer_syntaxes(), _sent_again(), _rejection_notes()),
    )


def _transfer_syntaxes() -> Section:
    rows = [
        (
            uid_name(uid),
            f"`{uid}`",
            _GROUPS[group],
            f"to {len(targets_of(uid))} others" if targets_of(uid) else "as stored only",
        )
        for uid, group in TRANSFER_SYNTAXES.items()
    ]
    most = max(TRANSFER_SYNTAXES, key=lambda uid: len(targets_of(uid)))
    return Section(
        "Transfer syntaxes",
        (
            paragraph(
                f"""
                Where several are offered in one presentation context,
                {uid_name(preferred_syntax(VERIFICATION))} is accepted, then Implicit VR Little Endian, then
                whatever keeps every pixel in the order of the requestor; one that may be lossy only where
                nothing else is offered.
                """
            ),
            table(
                "Transfer syntaxes of storage, and what stored instances are converted to",
                ("Transfer syntax", "UID", "Kind", "Sent"),
                rows,
            ),
            paragraph(
                f"""
                An instance goes out as it is stored where the receiver takes that. Else it is converted without
                loss to the first of these that the receiver takes: {
                    ", ".join(map(uid_name, (most, *targets_of(most))))
                }. What cannot be converted is a failed sub-operation with its reason.
                """
            ),
        ),
    )


def _sent_again() -> Section:
    rejected = " or ".join(f"`{each.value}`" for each in RejectedAgain)
    return Section(
        "Instances that are sent again",
        (
            Paragraph("What has come before under the same UIDs is never overwritten."),
            points(
                f"""
                - The same bytes: success; nothing new is kept.
                - Another encoding of the same attributes: success; kept as a rendition.
                - Other content from the source of what is served: success; a new version, served from then on.
                - Other content from another source: kept aside, with success, or with warning B000 for peers that are
                  registered to be told so.
                - What was rejected: as `archive.rejected_again` says, {rejected}; refused with C071. What a note
                  rejected before it ever came is kept hidden, with warning B000.
                """
            ),
        ),
    )


def _rejection_notes() -> Section:
    reasons = ((f"`{each.code}`", each.meaning, _NOTE_POLICIES[DEFAULT_NOTES[each.code]]) for each in RejectionReason)
    return Section(
        "Imaging Object Change Management (IHE RAD IOCM)",
        (
            points(
                """
                - A Key Object Selection document whose title is one of these codes (scheme DCM, PS3.16 CID 7010)
                  rejects the instances that both its evidence and its content tree name, in other studies too, and
                  whether it comes before them or after; over C-STORE and STOW-RS alike. It is applied in the
                  transaction that stores it.
                - What is rejected, and the note itself, is found, fetched and counted nowhere but in the quality view:
                  under the AE title `dimse.quality_ae_title`, and below `/quality/dicom-web` for the tokens of
                  `http.quality_tokens`. There the note stands beside what it rejects; nothing is stored there.
                - No note destroys anything, whatever its title: only an elimination does, and never under a hold.
                - The profile in force may say otherwise for each code: hide, replace or ignore.
                """
            ),
            table("Rejection notes", ("Code", "Title", "Unless the profile in force says otherwise"), reasons),
        ),
    )


def _commitment() -> Section:
    reasons = ((f"`{each.value:04X}`", _REASONS[each.name]) for each in FailureReason)
    dimse = Settings.model_construct().dimse
    return Section(
        "Storage Commitment Service Class",
        (
            points(
                f"""
                - {uid_name(STORAGE_COMMITMENT)} (`{STORAGE_COMMITMENT}`) as SCP; data sets in {
                    ", ".join(map(uid_name, negotiated(STORAGE_COMMITMENT).syntaxes))
                }.
                - N-ACTION is answered with success once the request is recorded; it outlives a restart of the node.
                - Committed to is what the requestor itself sent, is held and not rejected, and gives its digest when
                  it is read back, from every store that is to hold a copy. It is kept without limit of time and can
                  be retrieved at once.
                - The report (N-EVENT-REPORT, event type 1, or 2 where something failed) names every instance asked
                  for. It comes on the same association if the requestor keeps it open, else on one of the node's own
                  to the registered peer, for which the role of SCP is proposed (PS3.7 D.3.3.4).
                - A report that is not answered with success is sent again after {dimse.commitment_retry_pause_s:g} s
                  (`dimse.commitment_retry_pause_s`), each time twice as long, up to an hour, for
                  {dimse.commitment_retry_s / 86400:g} days (`dimse.commitment_retry_s`).
                """
            ),
            table("Failure reasons", ("Failure Reason (0008,1197)", "Meaning"), reasons),
        ),
    )


def _query() -> Section:
    return Section(
        "Query/Retrieve Service Class: C-FIND",
        (
            points(
                """
                - Hierarchical queries need a single value in every unique key above the level; relational ones,
                  where negotiated, need none.
                - Names are matched whatever their case, each component group for itself; all other text with
                  case. Accents count, their composition does not.
                - Timezone Offset From UTC (0008,0201) in a request says in which zone its dates and times are meant:
                  a date with a time, stored with a zone of its own, is compared in that one. DT values are compared
                  as moments where both sides have an offset. Answers have all of them as they are stored.
                - Instance Availability (0008,0056) is that of the store a study is read from, of a patient that of the
                  study that takes longest; it is matched where it has a value. Retrieve AE Title (0008,0054) is the
                  one called, unless a tier names another (`store.tiers`).
                - Keys of higher levels are matched and returned too; in Study Root those of the patient belong to
                  the STUDY level. A key with a value below the level is refused.
                - A key that is not in these tables is left out of the matching, returned without a value, and
                  told of by status FF01.
                - Answers are in the character set of the query, or that of the peer where it is registered with
                  one, where that can hold them, else in ISO_IR 192.
                """
            ),
            paragraph(
                """
                Matching types: SINGLE_VALUE; UID, a list of UIDs; LIST, a list of values of another kind, any
                of which may match; WILDCARD; RANGE; SEQUENCE, matching by the attributes of one item;
                UNIVERSAL, the value is returned. Of an attribute with several values one is enough.
                """
            ),
            *(_keys(level) for level in Level),
            _items(),
            table(
                "What answers say beside the keys",
                ("Attribute", "Tag", "VR"),
                ((each.keyword, f"`{tag_text(each.tag)}`", each.vr) for each in OF_THE_ANSWER.values()),
            ),
        ),
    )


def _keys(level: Level) -> Table:
    rows = (_key_row(attribute) for attribute in at_level(level))
    return table(
        f"Keys of the {level.value} level (U unique, R required, O optional)",
        ("Attribute", "Tag", "VR", "Type", "Matching type", "Returned", "Information models"),
        rows,
    )


def _key_row(attribute: Attribute) -> Iterator[str]:
    yield attribute.keyword
    yield f"`{tag_text(attribute.tag)}`"
    yield attribute.vr
    yield _KEY_TYPES[attribute.kind]
    yield ", ".join(matching_kinds(attribute))
    yield "Yes"
    yield ", ".join(model.value for model in query_models(attribute))


def _items() -> Table:
    rows = (
        (attribute.keyword, f"`{tag_text(item.tag)}`", item.keyword, item.vr)
        for level in Level
        for attribute in at_level(level)
        for item in attribute.items
    )
    return table("Attributes matched and returned in items of sequences", ("Sequence", "Tag", "Attribute", "VR"), rows)


def _retrieve() -> Section:
    rows = [
        (
            uid_name(uid),
            f"`{uid}`",
            query.operation.value,
            ", ".join(query.model.levels),
            ", ".join(negotiated(uid).syntaxes),
        )
        for uid, query in QUERY_RETRIEVE_CLASSES.items()
    ]
    return Section(
        "Query/Retrieve Service Class: models, C-GET and C-MOVE",
        (
            table(
                "Query/Retrieve SOP Classes, all as SCP",
                ("SOP Class", "UID", "Service", "Levels", "Transfer syntaxes of identifiers"),
                rows,
            ),
            points(
                """
                - C-GET and C-MOVE go by the unique keys alone; a list of UIDs is taken at the level asked for.
                  Issuer of Patient ID beside a Patient ID is kept to; that of the registered peer counts, in C-FIND
                  too, where the data set names none.
                - C-GET sends on the contexts for which the requestor was given the SCP role (PS3.7 D.3.3.4).
                - C-MOVE sends to registered peers only. The C-STORE requests name the C-MOVE behind them.
                - Pending responses come about four times a second, the final one counts the sub-operations and
                  names what failed (Failed SOP Instance UID List). C-CANCEL is heeded between two instances.
                - When something fails and something does not, the final status is B000.
                """
            ),
        ),
    )


def _extended_negotiation() -> Section:
    rows: list[tuple[str, str, str]] = []
    for uid, query in QUERY_RETRIEVE_CLASSES.items():
        names = _FIND_BYTES if query.operation is Operation.FIND else _RETRIEVE_BYTES
        rows += [(uid_name(uid), name, str(byte)) for name, byte in zip(names, negotiated(uid).extended, strict=False)]
    storage = negotiated(next(iter(STORAGE_CLASSES))).extended
    rows += [("every storage SOP Class", name, str(byte)) for name, byte in zip(_STORAGE_BYTES, storage, strict=False)]
    blocks: tuple[Block, ...] = (
        Paragraph(
            "SOP Class Extended Negotiation (PS3.7 D.3.3.5) is answered as follows where everything is asked for."
        ),
        table("Extended negotiation", ("SOP Class", "Item", "Answer"), rows),
    )
    return Section("Extended negotiation", blocks)
