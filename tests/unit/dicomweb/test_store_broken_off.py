"""Clients that go away in the middle of a Store request, that send too much, and that are slow."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from starlette.types import Message

from conformance import phantoms
from dicomweb import Services, dicomweb_routes
from storage_backends import BlobStore
from storing_over_web import BOUNDARY, DICOM, body_of
from vna.archive import Archive, InFlight, Room, Spool
from vna.index import open_index
from vna.model import InstanceKey
from vna.settings import HttpSettings
from vna.web import WebApp, create_web_app
from waiting import until

SLICES = [phantoms.ct_slice(number=number, size=64) for number in (1, 2, 3)]
BODY = body_of([({"Content-Type": DICOM}, phantoms.part10(ds)) for ds in SLICES])
PREAMBLE = bytes(2**19) + b"\r\n"
"""So much that what comes with it is looked at, before anything else comes."""
GONE: Message = {"type": "http.disconnect"}


def piece(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


class Client:
    """One client of an application; it says what it has to say, and then nothing more until it is let go."""

    def __init__(self, app: WebApp, messages: Sequence[Message], *, address: str = "127.0.0.1") -> None:
        self._app, self._coming, self._address = app, iter(messages), address
        self._let_go = asyncio.Event()
        self.answers: list[Message] = []
        self.heard = asyncio.Event()

    async def run(self) -> None:
        """Send the request, and take the answer."""
        headers = {"host": "127.0.0.1", "content-type": f'multipart/related; type="{DICOM}"; boundary={BOUNDARY}'}
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/dicom-web/studies",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": (self._address, 1),
            "server": ("127.0.0.1", 80),
        }
        await self._app(scope, self._receive, self._answer)

    def let_go(self) -> None:
        """Break off what has not been answered."""
        self._let_go.set()

    async def _receive(self) -> Message:
        message = next(self._coming, None)
        if message is None:
            self.heard.set()
            await self._let_go.wait()
            return GONE
        return message

    async def _answer(self, message: Message) -> None:
        self.answers.append(message)


def app_of(archive: Archive, **settings: object) -> WebApp:
    http = HttpSettings.model_validate(settings)
    return create_web_app([dicomweb_routes(Services(archive, http))], http)


def send(archive: Archive, messages: Sequence[Message], **settings: object) -> list[Message]:
    """Let a client say this, and return what it is answered."""

    async def run() -> list[Message]:
        client = Client(app_of(archive, **settings), messages)
        await client.run()
        return client.answers

    return asyncio.run(run())


@pytest.fixture
def in_flight() -> InFlight:
    return InFlight(2**30, most_of_source=2**30)


@pytest.fixture
def archive(blobs: BlobStore, in_flight: InFlight, tmp_path: Path) -> Iterator[Archive]:
    room, spool = Room(blobs, min_free_percent=0, min_free_bytes=0), Spool(tmp_path / "spool", in_flight=in_flight)
    opened = Archive(open_index(f"sqlite:///{tmp_path / 'index.sqlite'}"), blobs, spool, room)
    yield opened
    opened.close()


def versions(archive: Archive) -> list[int]:
    keys = [InstanceKey(ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID) for ds in SLICES]
    return [len(archive.versions(key)) for key in keys]


def test_what_was_whole_before_the_client_went_is_kept_and_no_more(archive: Archive, in_flight: InFlight) -> None:
    before = threading.active_count()

    send(archive, [piece(PREAMBLE + BODY[: len(BODY) // 2]), GONE])
    archive.close()

    assert versions(archive) == [1, 0, 0]
    assert in_flight._all == 0
    until(lambda: threading.active_count() <= before)  # those of requests end by themselves


def test_a_body_that_grows_too_large_is_refused_while_it_comes(archive: Archive, in_flight: InFlight) -> None:
    more = [piece(bytes(2**19)) for _ in range(6)]

    answers = send(archive, [piece(BODY), *more], max_body_bytes=2**20)

    assert answers[0]["status"] == 413
    assert in_flight._all == 0


def test_a_client_that_stands_still_is_told_and_holds_nothing(archive: Archive, in_flight: InFlight) -> None:
    answers = send(archive, [piece(PREAMBLE + BODY[:-100])], request_timeout_s=0.5)

    assert answers[0]["status"] == 408
    assert in_flight._all == 0


@pytest.mark.parametrize("size", [100, 1000, 5000], ids=str)
def test_it_does_not_matter_in_which_pieces_a_body_comes(archive: Archive, size: int) -> None:
    pieces = [piece(BODY[at : at + size]) for at in range(0, len(BODY), size)]

    answers = send(archive, [*pieces, piece(b"", more=False)])

    assert (answers[0]["status"], versions(archive)) == (200, [1, 1, 1])


def test_senders_that_stand_still_hold_nobody_up(archive: Archive) -> None:
    """More of them than there are threads for requests, each in the middle of an instance."""

    async def run() -> list[Message]:
        app = app_of(archive)
        slow = [Client(app, [piece(PREAMBLE + BODY[:5000])], address=f"127.0.0.{number}") for number in range(2, 62)]
        tasks = [asyncio.create_task(client.run()) for client in slow]
        await asyncio.gather(*(client.heard.wait() for client in slow))
        quick = Client(app, [piece(BODY, more=False)])
        await asyncio.wait_for(quick.run(), timeout=20)
        for client in slow:
            client.let_go()
        await asyncio.gather(*tasks)
        return quick.answers

    assert asyncio.run(run())[0]["status"] == 200
