"""What is changed in the files of the web viewer's release, so that it can be served from here.

A release is built for the root of a site; here it stands under `/viewer/`, behind any proxy's prefix, so every address
that begins with `/` becomes a relative one. And the viewer asks for a patient's studies by Patient ID alone: those of
another issuer of the ID are left out, since two hospitals that both have a patient 4711 mean two people.

Each edit is found as often as `times` says in the release that is pinned; in another one the places have to be looked
at again.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from vna.errors import CannotUnderstand


@dataclass(frozen=True, slots=True)
class Edit:
    """A text to be replaced in all files of a kind, and how often it stands in the release."""

    suffix: str
    old: bytes
    new: bytes
    times: int


EDITS: Final = (
    # the page says where its parts lie; those of a worker lie beside its own file
    Edit(
        ".js",
        b'__webpack_require__.p = "/";',
        b'__webpack_require__.p = self.PUBLIC_URL || new URL(".", self.location).pathname;',
        8,
    ),
    Edit(".css", b"url(/", b"url(", 5),
    # the studies of a patient: whose issuer of the ID is the one of the study that is open
    Edit(
        ".js",
        b"'00100030' // Patient's Birth Date",
        b"'00100030', // Patient's Birth Date\n  '00100021' // Issuer of Patient ID",
        1,
    ),
    Edit(
        ".js",
        b"mrn: getString(qidoStudy['00100020']) || '',",
        b"mrn: getString(qidoStudy['00100020']) || '',\n    issuer: getString(qidoStudy['00100021']) || '',",
        1,
    ),
    Edit(
        ".js",
        b"patientId: mrn,\n    disableWildcard: true\n  });",
        b"patientId: mrn,\n    disableWildcard: true\n  })"
        b".then(studies => studies.filter(study => study.issuer === qidoForStudyUID[0].issuer));",
        1,
    ),
    # a measurement of a segment has no coordinates, and would leave the viewport blank
    Edit(
        ".js",
        b"const referencedSOPSequence = measurement.coords[0].ReferencedSOPSequence;",
        b"const referencedSOPSequence = measurement.coords[0]?.ReferencedSOPSequence;",
        1,
    ),
    # the page: its own scripts go, what they set is set by our configuration
    Edit(".html", b'<script>console.time("scriptToView"),window.PUBLIC_URL="/"</script>', b"", 1),
    Edit(
        ".html",
        b'<script>function browserImportFunction(n){return import(n)}window.PUBLIC_URL="/"</script>',
        b"",
        1,
    ),
    Edit(".html", b'<script rel="preload" as="script" type="module" src="/init-service-worker.js"></script>', b"", 1),
    Edit(".html", b'src="/', b'src="./', 2),
    Edit(".html", b'href="/', b'href="./', 28),
    Edit(".html", b'content="/', b'content="./', 2),
)

LEFT_OUT: Final = re.compile(
    r"ort/"  # runs models that are fetched from elsewhere, which this node's pages do not
    r"|customizations/|google\.js|silent-refresh\.html|oidc-client"  # signing in and settings from elsewhere
    r"|sw\.js|init-service-worker\.js|app-config\.js|_headers|_redirects|serve\.json"  # for what else might serve it
    r"|.*\.map$"
)
"""Names of the files of the release that this node has no use for."""


@dataclass(slots=True)
class Editing:
    """The edits on their way through a release, counted."""

    _found: Counter[Edit] = field(default_factory=Counter)

    def edited(self, name: str, content: bytes) -> bytes:
        """Return a file as it is served."""
        for edit in EDITS:
            if PurePosixPath(name).suffix == edit.suffix:
                self._found[edit] += content.count(edit.old)
                content = content.replace(edit.old, edit.new)
        return content

    def check(self) -> None:
        """Compare what was found with what is in the release that the edits were made for.

        Raises:
            CannotUnderstand: it is another one.
        """
        for edit in EDITS:
            if self._found[edit] != edit.times:
                raise CannotUnderstand(
                    f"the viewer holds {edit.old[:60]!r} {self._found[edit]} times, not {edit.times}"
                )
