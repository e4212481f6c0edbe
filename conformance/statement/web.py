"""The web services of chapter 4: resources, media types, parameters, statuses and limits (PS3.2 N.5, N.7.3.3)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from conformance.statement.document import Section, points, table
from dicomweb.transactions import REFUSALS, Parameter, Transaction, transactions
from vna.settings import Settings

_SERVICES = {
    "10.6": "Studies: Search (QIDO-RS)",
    "10.4": "Studies: Retrieve (WADO-RS)",
    "10.5": "Studies: Store (STOW-RS)",
    "9": "URI (WADO-URI)",
    "13.4": "Storage Commitment: Request",
    "13.5": "Storage Commitment: Result Check",
}

WEB_STATUSES: Mapping[int, str] = MappingProxyType(
    {
        200: "Done: what was asked for comes, what was stored is on disk and findable, a commitment is decided.",
        202: "Some instances were stored and some not; or a commitment is not decided yet, and Retry-After says when.",
        204: "Nothing matches the search.",
        206: "A range of bytes; or, with a Warning, those instances that can be given in the form asked for.",
        304: "The client has it already, by its ETag.",
        400: "The request cannot be read; the detail names the parameter.",
        401: "A token of `http.tokens` is needed.",
        403: "Without a token from another machine, or from a page of an origin that is not configured.",
        404: "Nothing is known under these UIDs, or there is no such resource, frame or value.",
        406: "It is not to be had in any media type and transfer syntax that is accepted.",
        408: "The client stood still for `http.request_timeout_s`.",
        409: "No instance was stored, and the reasons follow; or the Transaction UID is in use.",
        410: "What was here was rejected, and is not shown any more. Of what is limited it is 404 that is said.",
        413: "The request has more bytes or parts than allowed.",
        414: "The address is too long.",
        415: "The payload is of a media type that is not taken.",
        416: "There are no such bytes.",
        421: "The Host header names another machine.",
        429: "Too many requests at a time from one address; Retry-After says when to come again.",
        431: "The head of the request is too long, or has too many headers.",
        500: "A fault of the node; its log says why.",
        503: "The node is full, or has too much to do at the moment; Retry-After says when to come again.",
    }
)
"""Every status that the table of transactions has, with its meaning."""


def web_services() -> Section:
    """Return the section on DICOMweb."""
    return Section(
        "DICOMweb",
        (
            points(
                """
                - The services lie below `/dicom-web` on the HTTP port, and once more, without storing, below
                  `/quality/dicom-web` (what is rejected is seen there too; `http.quality_tokens`). Where editions
                  differ, PS3.18 2024e counts.
                - What came over DIMSE is found and given over DICOMweb, and the reverse; the archive behind is one.
                - Each is described for programs: OPTIONS of the root gives a WADL document (PS3.18 8.9), or OpenAPI
                  where JSON is accepted; `/dicom-web/openapi.json` is the latter.
                - Ranges (RFC 9110 14) are given of answers of one part and of several, whole studies too, unless a
                  codec converts their pixels; of ZIP files they are not.
                - Refusals say why in JSON (RFC 9457, `application/problem+json`), with the DICOM status if it has one.
                - Not offered: UPS-RS, Non-Patient Instances, deleting.
                """
            ),
            table("Resources and transactions", ("Transaction", "Method", "Resource", "Service"), _resources()),
            table("Media types, the default first", ("Transaction", "Payload", "Answer"), _media_types()),
            table("Query parameters", ("Parameter", "Meaning", "Services"), _parameters()),
            table("Statuses", ("Status", "Meaning"), ((str(status), text) for status, text in WEB_STATUSES.items())),
            table("Limits", ("Setting", "Default"), _limits()),
            points(
                """
                - Matching keys of a search are those of C-FIND at the same level and above, as the tables of the
                  query service above have them; keys and sequences in them may be named by keyword or tag.
                - Fuzzy matching, empty value matching and multiple value matching are done where they are asked for.
                - Failure Reasons of a store are above, among the statuses.
                """
            ),
        ),
    )


def statuses_of(transaction: Transaction) -> set[int]:
    """Return every status that a transaction may be answered with."""
    return {*transaction.answers, *REFUSALS, *transaction.refusals}


def _resources() -> Iterator[tuple[str, str, str, str]]:
    for each in transactions():
        service = f"{_SERVICES[each.section]}, PS3.18 {each.section}"
        yield each.name, each.method, f"`{each.path}`", service


def _media_types() -> Iterator[tuple[str, str, str]]:
    """Yield a row for each set of media types, with the transactions that have it."""
    rows: dict[tuple[str, str], list[str]] = {}
    for each in transactions():
        given = next((types for types in each.answers.values() if types), ())
        rows.setdefault((_listed(each.request), _listed(given)), []).append(each.name)
    for (payload, answer), names in rows.items():
        yield ", ".join(names), payload or "none", answer


def _parameters() -> Iterator[tuple[str, str, str]]:
    found: dict[str, tuple[Parameter, set[str]]] = {}
    for each in transactions():
        for parameter in each.parameters:
            if not parameter.description.startswith("matching key"):
                found.setdefault(parameter.name, (parameter, set()))[1].add(_SERVICES[each.section])
    for name, (parameter, services) in found.items():
        yield f"`{name}`", parameter.description, ", ".join(sorted(services))


def _limits() -> Iterator[tuple[str, str]]:
    http = Settings().http
    for name in ("max_body_bytes", "max_parts", "max_requests", "max_search_results", "request_timeout_s"):
        yield f"`http.{name}`", f"{getattr(http, name):,}"


def _listed(media_types: tuple[str, ...]) -> str:
    return ", ".join(f"`{media_type}`" for media_type in media_types)
