"""Transactions as a WADL document: the tree of resources, with the methods of each (PS3.18 Annex H)."""

from collections.abc import Iterable, Sequence
from typing import Final
from xml.etree import ElementTree as ET

from dicomweb.transactions import PATHS, REFUSALS, Parameter, Transaction
from vna.web.problem import MEDIA_TYPE as PROBLEM

MEDIA_TYPE: Final = "application/vnd.sun.wadl+xml"
_NAMESPACE: Final = "http://wadl.dev.java.net/2009/02"
_TYPES: Final = {"string": "xs:string", "integer": "xs:nonNegativeInteger", "boolean": "xs:boolean"}


def wadl_document(base: str, transactions: Iterable[Transaction]) -> bytes:
    """Return the description of some transactions; `base` is the address of the services."""
    head = {"xmlns": _NAMESPACE, "xmlns:xs": "http://www.w3.org/2001/XMLSchema"}
    application = ET.Element("application", head)
    resources = ET.SubElement(application, "resources", base=base)
    nodes: dict[Sequence[str], ET.Element] = {(): resources}
    for transaction in transactions:
        names = tuple(transaction.path.strip("/").split("/"))
        for depth in range(1, len(names) + 1):
            if names[:depth] not in nodes:
                nodes[names[:depth]] = _resource(nodes[names[: depth - 1]], names[depth - 1])
        _add_method(nodes[names], transaction)
    ET.indent(application)
    return ET.tostring(application, encoding="unicode").encode()


def _resource(parent: ET.Element, name: str) -> ET.Element:
    resource = ET.SubElement(parent, "resource", path=name)
    if name.startswith("{"):
        _add_parameter(resource, PATHS[name.strip("{}")], "template")
    return resource


def _add_method(resource: ET.Element, transaction: Transaction) -> None:
    method = ET.SubElement(resource, "method", name=transaction.method, id=transaction.name)
    ET.SubElement(method, "doc", title=f"PS3.18 {transaction.section}")
    request = ET.SubElement(method, "request")
    media_types = next(iter(transaction.answers.values()), ())
    accept = ET.SubElement(request, "param", name="Accept", style="header", default=next(iter(media_types), "*/*"))
    for media_type in media_types:
        ET.SubElement(accept, "option", value=media_type)
    for parameter in transaction.parameters:
        _add_parameter(request, parameter, "query")
    for media_type in transaction.request:
        ET.SubElement(request, "representation", mediaType=media_type)
    for status, given in transaction.answers.items():
        response = ET.SubElement(method, "response", status=str(status))
        for media_type in given:
            ET.SubElement(response, "representation", mediaType=media_type)
    refusals = " ".join(
        str(status) for status in sorted({*REFUSALS, *transaction.refusals} - transaction.answers.keys())
    )
    ET.SubElement(ET.SubElement(method, "response", status=refusals), "representation", mediaType=PROBLEM)


def _add_parameter(parent: ET.Element, parameter: Parameter, style: str) -> None:
    attributes = {"name": parameter.name, "style": style, "type": _TYPES[parameter.kind]}
    if parameter.required:
        attributes["required"] = "true"
    ET.SubElement(ET.SubElement(parent, "param", attributes), "doc", title=parameter.description)
