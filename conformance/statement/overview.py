"""Chapters 1 to 3: the overview, the introduction and the implementation model (PS3.2 N.1, N.3, N.4)."""

from collections import Counter

from conformance.statement.document import Figure, Paragraph, Section, paragraph, points, table
from conformance.statement.tables import uid_name
from vna.dicom.supported import (
    QUERY_RETRIEVE_CLASSES,
    STORAGE_CLASSES,
    STORAGE_COMMITMENT,
    TRANSFER_SYNTAXES,
    Operation,
)
from vna.dimse.negotiation import VERIFICATION

_DATA_FLOW = """\
 modality, PACS                                                        workstation, PACS
 +---------------+   association: C-ECHO, C-STORE, C-FIND,             +----------------+
 |  remote AE    | ------------ C-MOVE, C-GET, N-ACTION -----+         |   remote AE    |
 +---------------+                                           |         +----------------+
                                                             v                  ^
                                                     +---------------+          |
        local: files, ZIP, TAR, DICOMDIR  <--------> |    ARCHIVE    | ---------+
        (import, export)                             |      AE       |  association: C-STORE
                                                     +---------------+  (sub-operations of C-MOVE),
                                                             |          N-EVENT-REPORT
                                                             |
                                              index, blobs, journal (local)"""

_AUDIENCE = paragraph(
    """
    It is for those who connect modalities, PACS and workstations to the archive. It does not replace a trial:
    `python -m conformance check` does that with any node. Conformance to DICOM alone does not ensure that two
    applications work together, nor that data are fit for a diagnosis.
    """
)
_TERMS = points(
    """
    - AE: Application Entity; SCU and SCP: Service Class User and Provider; PDU: Protocol Data Unit.
    - peer: a remote AE that is registered with the archive by AE title, host and port.
    - instance: a SOP Instance; blob: a stored file of its pixels or other large values.
    """
)

_OTHER_SERVICES = table(
    "Other services",
    ("Service", "Supported"),
    (
        (
            "DICOMweb (PS3.18)",
            "Studies (Search, Retrieve, Store), URI and Storage Commitment; see DICOMweb below",
        ),
        ("Media storage application profiles (PS3.11)", "None is claimed; see Media below"),
        ("Real-time communication (PS3.22)", "No"),
    ),
)


def overview() -> Section:
    """Return the chapter that is read first: which services there are, in which role."""
    services = [("Verification", uid_name(VERIFICATION), "Yes", "Yes")]
    services.append(("Storage", f"{len(STORAGE_CLASSES)} SOP Classes, see Storage below", "Yes, when moving", "Yes"))
    services.append(("Storage Commitment", uid_name(STORAGE_COMMITMENT), "No", "Yes"))
    services += [
        (f"Query/Retrieve {query.operation.value}", uid_name(uid), "No", "Yes")
        for uid, query in sorted(
            QUERY_RETRIEVE_CLASSES.items(), key=lambda item: (list(Operation).index(item[1].operation), item[0])
        )
    ]
    groups = Counter(group.name.lower() for group in TRANSFER_SYNTAXES.values())
    kinds = ", ".join(f"{number} {name}" for name, number in groups.items())
    return Section(
        "Conformance Statement Overview",
        (
            paragraph(
                """
                The archive takes composite objects of any kind over DIMSE, keeps each exactly as it came, finds
                them by the attributes listed here, and gives them back by C-GET or C-MOVE: byte for byte in the
                transfer syntax they were sent in, or converted without loss where the receiver does not take
                that one.
                """
            ),
            table(
                "Network services",
                ("Service", "SOP Classes", "User of service (SCU)", "Provider of service (SCP)"),
                services,
            ),
            Paragraph(f"Objects are taken in {len(TRANSFER_SYNTAXES)} transfer syntaxes: {kinds}."),
            _OTHER_SERVICES,
        ),
    )


def introduction() -> Section:
    """Return the chapter on what the document is for."""
    origin = paragraph(
        """
        This statement is written by `python -m conformance statement` from the tables that the node runs on, for its
        version named above. Its chapters are those of the template in PS3.2 Annex N.
        """
    )
    references = Paragraph("DICOM, NEMA PS3 / ISO 12052. Sections are cited as part and section, such as PS3.4 C.4.1.")
    return Section(
        "Introduction",
        (origin,),
        (
            Section("Audience and remarks", (_AUDIENCE,)),
            Section("Terms and abbreviations", (_TERMS,)),
            Section("References", (references,)),
        ),
    )


def implementation_model() -> Section:
    """Return the chapter on what the AE does and when."""
    return Section(
        "Implementation Model",
        (),
        (
            Section(
                "Application data flow",
                (Figure("One application entity takes, keeps, finds and sends objects", _DATA_FLOW),),
            ),
            Section(
                "Functional definition of the Application Entity",
                (
                    paragraph(
                        """
                        ARCHIVE waits for associations on one port. What it receives is on disk and can be found
                        when C-STORE is answered with success. It requests associations itself only to send what
                        a C-MOVE asks for, to report a commitment to who did not wait for it, and to test a peer
                        when an administrator says so (`vna peers test`).
                        """
                    ),
                ),
            ),
            Section(
                "Sequencing of real-world activities",
                (Paragraph("None is demanded: each request stands for itself, and may come on any association."),),
            ),
        ),
    )
