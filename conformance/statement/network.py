"""Chapters 5 to 8: configuration, network and media, security, annexes (PS3.2 N.6 to N.9)."""

from collections.abc import Mapping

from conformance.statement.document import Paragraph, Section, paragraph, points, table
from conformance.statement.tables import character_sets, negotiated, rejections, uid_name
from vna.dicom.encoding import EXPLICIT_LE_UID, IMPLICIT_LE_UID
from vna.dicom.supported import QUERY_RETRIEVE_CLASSES, STORAGE_COMMITMENT, TRANSFER_SYNTAXES
from vna.dimse.associate import APPLICATION_CONTEXT, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION, MAX_CONTEXTS
from vna.dimse.command import CommandField
from vna.dimse.negotiation import VERIFICATION
from vna.dimse.pdu import AbortReason
from vna.settings import Settings, show

_DEFAULTS = Settings.model_construct()
_REJECTED_WHEN: Mapping[str, str] = {
    "APPLICATION_CONTEXT_NOT_SUPPORTED": "the application context is not DICOM's",
    "CALLING_AE_TITLE_NOT_RECOGNIZED": "the caller is no registered peer, or not at an address of its host",
    "CALLED_AE_TITLE_NOT_RECOGNIZED": "an AE title is called that the node does not answer to",
    "PROTOCOL_VERSION_NOT_SUPPORTED": "bit 0 of the protocol version is not set",
    "TEMPORARY_CONGESTION": "the registered peers cannot be read now",
    "LOCAL_LIMIT_EXCEEDED": "`dimse.max_associations` are open",
}
_WITH_IDENTIFIERS = (STORAGE_COMMITMENT, *QUERY_RETRIEVE_CLASSES)
_RESULTS = {1: "permanent", 2: "transient"}


def configuration() -> Section:
    """Return the chapter on what an administrator sets."""
    settings = (
        (f"`{setting.path}`", f"`{_value(setting.default)}`", f"`{setting.variable}`", setting.description)
        for setting in show(Settings.model_construct())
    )
    return Section(
        "Configuration",
        (),
        (
            Section(
                "AE titles and addresses",
                (
                    table(
                        "Local AE",
                        ("AE", "Default AE title", "Default port"),
                        (
                            ("ARCHIVE", f"`{_DEFAULTS.dimse.ae_title}`", f"`{_DEFAULTS.dimse.port}`"),
                            ("QUALITY, queries and retrieves alone", "none (`dimse.quality_ae_title`)", "the same"),
                        ),
                    ),
                    paragraph(
                        """
                        Remote AEs are registered by AE title, host and port (`vna peers add`), each with an
                        issuer of its patient IDs, the character set it wants answers in, and a limit of PDUs
                        sent to it.
                        """
                    ),
                ),
            ),
            Section("Parameters", (table("Parameters", ("Parameter", "Default", "Environment", "Meaning"), settings),)),
        ),
    )


def network() -> Section:
    """Return the chapter on associations."""
    return Section(
        "Network and Media Communication Details",
        (),
        (_general(), _acceptance(), _initiation(), _media()),
    )


def _general() -> Section:
    dimse = _DEFAULTS.dimse
    rows = (
        ("Application context", f"`{APPLICATION_CONTEXT}`"),
        ("Implementation Class UID", f"`{IMPLEMENTATION_CLASS_UID}`"),
        ("Implementation Version Name", f"`{IMPLEMENTATION_VERSION}`"),
        ("Most presentation contexts on an association", str(MAX_CONTEXTS)),
        ("Longest PDU received", f"{dimse.max_pdu} bytes (`dimse.max_pdu`)"),
        ("Longest PDU sent", "what the other side announces, or less where a peer is registered with a limit"),
        ("Associations at a time", f"{dimse.max_associations} (`dimse.max_associations`)"),
        ("Asynchronous operations", "not negotiated: one operation at a time"),
        ("Time to request an association (ARTIM)", f"{dimse.artim_timeout_s:g} s (`dimse.artim_timeout_s`)"),
        ("Time without a byte after which is aborted", f"{dimse.idle_timeout_s:g} s (`dimse.idle_timeout_s`)"),
        ("Priority", "not heeded"),
        ("Network", "TCP over IPv4 and IPv6; several addresses or ports need several nodes"),
    )
    commands = ", ".join(f"{each.name.replace('_', '-')} ({each.value:04X})" for each in CommandField)
    return Section(
        "Association policies",
        (table("Associations", ("Item", "Value"), rows), Paragraph(f"Commands understood or sent: {commands}.")),
    )


def _acceptance() -> Section:
    contexts = [("Verification", f"`{VERIFICATION}`", _syntaxes(VERIFICATION), "SCU")]
    contexts.append(
        (
            "Storage (each SOP Class)",
            "see Storage",
            f"all {len(TRANSFER_SYNTAXES)} of storage",
            "SCU, and SCP where asked for",
        )
    )
    contexts += [(uid_name(uid), f"`{uid}`", _syntaxes(uid), "SCU") for uid in _WITH_IDENTIFIERS]
    rejected = (
        (
            f"{refusal.result} ({_RESULTS[refusal.result]})",
            str(refusal.source),
            str(refusal.reason),
            str(refusal),
            _REJECTED_WHEN[name],
        )
        for name, refusal in rejections()
    )
    aborts = ((str(reason.value), reason.name.lower().replace("_", " ")) for reason in AbortReason)
    return Section(
        "Association acceptance",
        (
            paragraph(
                """
                From the machine itself any AE title may call (`dimse.allow_loopback`); from elsewhere
                registered peers only, each from an address of its host.
                """
            ),
            table(
                "Presentation contexts accepted",
                ("Abstract syntax", "UID", "Transfer syntaxes", "Role of the requestor"),
                contexts,
            ),
            table("Rejections (A-ASSOCIATE-RJ)", ("Result", "Source", "Reason", "Name", "When"), rejected),
            table("Aborts by the node as provider (A-ABORT, source 2)", ("Reason", "Name"), aborts),
        ),
    )


def _initiation() -> Section:
    return Section(
        "Association initiation",
        (
            points(
                f"""
                - For a C-MOVE, to the registered destination: one context for each SOP Class and transfer
                  syntax of what is to be sent, and further ones it can be converted to, as far as there is
                  room. Calling AE title is the one that the C-MOVE called.
                - Several associations when there is much to send: at most {_DEFAULTS.dimse.move_associations}
                  (`dimse.move_associations`); what failed for a reason that may pass is tried
                  {_DEFAULTS.dimse.move_retries} times again (`dimse.move_retries`).
                - For reports of commitments, to the registered peer that asked: {uid_name(STORAGE_COMMITMENT)}, in
                  the role of SCP. Calling AE title is the one that the request called.
                - For `vna peers test`: Verification in {uid_name(IMPLICIT_LE_UID)} and
                  {uid_name(EXPLICIT_LE_UID)}.
                """
            ),
        ),
    )


def _media() -> Section:
    return Section(
        "Media",
        (
            paragraph(
                """
                No application profile of PS3.11 is claimed. Files as PS3.10 has them are read by `vna import`
                and written by `vna export`; what came as a file is given back as that file.
                """
            ),
        ),
    )


def security() -> Section:
    """Return the chapter on security."""
    return Section(
        "Security",
        (
            points(
                """
                - Associations are not encrypted: none of the secure transport profiles of PS3.15 Annex B is
                  supported. Put the node into a network of its own, or behind a tunnel.
                - User identity (PS3.7 D.3.3.7) is neither asked for nor answered.
                - Callers are let in by AE title and address, as above.
                - HTTP is not encrypted by the node: a proxy in front does that. Without tokens (`http.tokens`), patient
                  data goes to the machine itself only, unless `http.allow_unauthenticated` is set; with tokens each
                  request needs one, as bearer token or as password of any user (RFC 6750, RFC 7617).
                - The Host header has to name the node (`http.allowed_hosts`), and pages of other origins are refused
                  unless `http.cors_origins` names them.
                - Logs hold UIDs and digests, and no names, birth dates, patient IDs or free text.
                - Every stored blob is compared with its digest before it is given out.
                """
            ),
        ),
    )


def annexes() -> Section:
    """Return the chapter on character sets, and on what is not standard."""
    return Section(
        "Annexes",
        (),
        (
            Section(
                "Character sets",
                (
                    paragraph(
                        """
                        Objects are kept as they came. To be found and returned, their text is read in the
                        character sets below, with code extensions (ISO 2022) among those that have them; a
                        missing or misspelt Specific Character Set is guessed at. What cannot be read does not
                        keep an object from being stored.
                        """
                    ),
                    table(
                        "Character sets",
                        ("Defined term", "Repertoire"),
                        ((f"`{term}`", name) for term, name in character_sets()),
                    ),
                ),
            ),
            Section(
                "Not standard",
                (
                    points(
                        """
                        - No private attribute, SOP Class or transfer syntax is of the node's own making.
                        - No coded terminology is used, and no image is displayed.
                        """
                    ),
                ),
            ),
        ),
    )


def _syntaxes(sop_class: str) -> str:
    accepted = negotiated(sop_class).syntaxes
    return (
        f"all {len(accepted)} of storage"
        if len(accepted) == len(TRANSFER_SYNTAXES)
        else ", ".join(map(uid_name, accepted))
    )


def _value(value: object) -> str:
    if value in ("", ()):
        return "(empty)"
    return str(value).lower() if isinstance(value, bool) else str(value)
