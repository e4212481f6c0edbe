"""Every fuzz target by name; `tests/fuzz/run.py` runs one for as long as wanted, `test_targets` each for a moment."""

from collections.abc import Mapping
from typing import Final

from fuzz import dicom, presented, protocol, stored, web
from fuzz.target import Target

TARGETS: Final[Mapping[str, Target]] = {
    "connection": Target(protocol.connection, protocol.connections, longest=4096),
    "association": Target(protocol.association, protocol.associations, longest=4096),
    "association-items": Target(protocol.association_items, protocol.requests, longest=4096),
    "command": Target(protocol.command, protocol.commands, longest=1024),
    "data-set": Target(dicom.data_set, dicom.data_sets),
    "converted": Target(dicom.converted, dicom.data_sets),
    "as-json": Target(presented.as_json, dicom.data_sets),
    "part10": Target(dicom.part10, dicom.part10_files, longest=4096),
    "query": Target(dicom.query, dicom.queries, longest=2048),
    "key": Target(dicom.key, dicom.keys, longest=4096),
    "text": Target(dicom.text, dicom.texts, longest=1024),
    "blob": Target(stored.blob, stored.blobs, longest=65_536),
    "chunk": Target(stored.chunk, stored.chunks, longest=4_096),
    "recipe": Target(stored.recipe, stored.recipes, longest=512),
    "journal": Target(stored.journal, stored.journals, longest=65_536),
    "document-name": Target(stored.document_name, stored.document_names, longest=256),
    "container": Target(stored.container, stored.containers),
    "multipart": Target(web.multipart, web.bodies, longest=2048),
    "json": Target(web.json_document, web.json_documents),
    "xml": Target(web.xml_document, web.xml_documents),
    "media": Target(web.media, web.pictures, longest=2048),
}
