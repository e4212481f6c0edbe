"""What is changed in the viewer's files."""

import pytest

from ohif_release import release_files
from vna.console.viewer_edits import EDITS, LEFT_OUT, Editing
from vna.errors import CannotUnderstand

FILES = {name.removeprefix("package/dist/"): content for name, content in release_files().items()}


def edited() -> dict[str, bytes]:
    editing = Editing()
    return {name: editing.edited(name, content) for name, content in FILES.items()}


def test_no_address_of_the_page_begins_at_the_root_of_the_site() -> None:
    page = edited()["index.html"]

    assert b'="/' not in page
    assert page.count(b'href="./') == 28


def test_no_script_stands_in_the_page_so_that_the_policy_need_not_allow_any() -> None:
    assert b"<script>" not in edited()["index.html"]


def test_styles_find_their_fonts_beside_themselves() -> None:
    assert b"url(/" not in edited()["app.bundle.css"]


def test_each_edit_must_be_found_as_often_as_in_the_release_it_was_made_for() -> None:
    editing = Editing()
    for name, content in FILES.items():
        editing.edited(name, content)
    editing.check()
    editing.edited("one-more.css", b"url(/font)")

    with pytest.raises(CannotUnderstand, match="6 times, not 5"):
        editing.check()


def test_studies_of_another_issuer_of_the_patient_id_are_left_out() -> None:
    script = b"\n".join(content for name, content in edited().items() if name.endswith(".js"))

    assert b"study.issuer === qidoForStudyUID[0].issuer" in script
    assert b"issuer: getString(qidoStudy['00100021'])" in script


def test_no_edit_undoes_another() -> None:
    assert all(edit.old != other.new for edit in EDITS for other in EDITS)


@pytest.mark.parametrize(
    "name", ["ort/x.wasm", "sw.js", "app-config.js", "a/b.js.map", "_headers", "oidc-client.min.js"]
)
def test_what_the_node_has_no_use_for_is_left_out(name: str) -> None:
    assert LEFT_OUT.match(name)


@pytest.mark.parametrize("name", ["index.html", "app.bundle.0123456789abcdef.js", "assets/sw.js.png", "orthanc.js"])
def test_what_it_has_use_for_is_not(name: str) -> None:
    assert not LEFT_OUT.match(name)
