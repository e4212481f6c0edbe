"""Identifiers of Query/Retrieve messages: read from a request, and the list of failures for a response.

Answers of a query are encoded by `vna.dicom.identifier`.
"""

import zlib
from collections.abc import Sequence
from struct import pack

from vna.dicom.encoding import DEFLATED_UIDS, encoding_of
from vna.dicom.scan import Scan, scan
from vna.dimse.command import Command, ElementNumber
from vna.dimse.exchange import CommandRefused, Exchange
from vna.dimse.negotiation import Context
from vna.dimse.status import Status
from vna.errors import IdentifierMismatch

_MAX_IDENTIFIER = 4 * 2**20  # 60,000 UIDs in a list
_FAILED_SOP_INSTANCE_UID_LIST = (0x0008, 0x0058)
_SHORT_LENGTH = 0xFFFF


def read_identifier(exchange: Exchange, request: Command, context: Context) -> Scan:
    """Read and take apart the data set of a C-FIND, C-GET or C-MOVE request.

    Raises:
        CommandRefused: the request has none.
        IdentifierMismatch: it is longer than any sensible one.
        CannotUnderstand: it is not a data set of the context's transfer syntax.
    """
    if not request.has_data_set:
        element = ElementNumber.COMMAND_DATA_SET_TYPE
        raise CommandRefused(Status.CANNOT_UNDERSTAND, "the request has no identifier", offending=element)
    data = bytearray()
    for piece in exchange.messages.data_set():
        data += piece
        if len(data) > _MAX_IDENTIFIER:
            raise IdentifierMismatch(f"identifier of more than {_MAX_IDENTIFIER} bytes")
    return scan(bytes(data), context.transfer_syntax)


def failed_list(uids: Sequence[str], transfer_syntax: str) -> bytes:
    """Return the response identifier that names the instances not sent (PS3.4 C.4.2.1.4.2).

    A list too long for the 16-bit length of UI is written as UN (PS3.5 6.2.2).
    """
    value = "\\".join(uids).encode("ascii", "replace")
    value += b"\0" * (len(value) % 2)
    encoding = encoding_of(transfer_syntax)
    order = encoding.order
    tag = pack(f"{order}HH", *_FAILED_SOP_INSTANCE_UID_LIST)
    if not encoding.explicit:
        data = tag + pack(f"{order}I", len(value)) + value
    elif len(value) > _SHORT_LENGTH:
        data = tag + b"UN\0\0" + pack(f"{order}I", len(value)) + value
    else:
        data = tag + b"UI" + pack(f"{order}H", len(value)) + value
    if transfer_syntax not in DEFLATED_UIDS:
        return data
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    return packed + b"\0" * (len(packed) % 2)
