"""Registered peers in the index: how events change them."""

from sqlalchemy import bindparam, delete

from vna.events import PeerRegistered, PeerRemoved
from vna.index import tables
from vna.index.statements import Cursor

_DELETE = delete(tables.peer).where(tables.peer.c.ae_title == bindparam("which"))


def apply_peer_event(cursor: Cursor, event: PeerRegistered | PeerRemoved) -> None:
    """Put the effect of one event into the table."""
    if isinstance(event, PeerRemoved):
        cursor.do(_DELETE, {"which": event.ae_title})
        return
    peer = event.peer
    cursor.do(_DELETE, {"which": peer.ae_title})
    row = {
        "ae_title": peer.ae_title,
        "host": peer.host,
        "port": peer.port,
        "issuer": peer.issuer,
        "charset": peer.charset,
        "max_pdu": peer.max_pdu,
        "warn_on_conflict": peer.warn_on_conflict,
    }
    cursor.insert(tables.peer, row)
