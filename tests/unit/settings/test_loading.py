"""Settings come from one file and the environment; what is wrong stops the start and says where."""

from pathlib import Path

import pytest

from vna import settings
from vna.errors import StartRefused
from vna.settings import Settings


def _file(folder: Path, text: str) -> Path:
    file = folder / "vna.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_file_and_environment_the_defaults_hold() -> None:
    loaded = settings.load()

    assert loaded.dimse.port == 11112
    assert loaded.dimse.ae_title == "VNA"
    assert (loaded.http.host, loaded.http.port) == ("127.0.0.1", 8080)
    assert loaded.data_dir == Path("var")


def test_the_file_sets_what_it_names(tmp_path: Path) -> None:
    file = _file(tmp_path, 'data_dir = "/srv/vna"\n[dimse]\nport = 104\nother_ae_titles = ["A", "B"]\n')

    loaded = settings.load(file)

    assert loaded.data_dir == Path("/srv/vna")
    assert loaded.dimse.port == 104
    assert loaded.dimse.other_ae_titles == ("A", "B")
    assert loaded.dimse.ae_title == "VNA"


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNA_CONFIG", str(_file(tmp_path, "[http]\nport = 1\n")))

    assert settings.load().http.port == 1


def test_the_environment_overrides_the_file_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _file(tmp_path, '[dimse]\nport = 104\nae_title = "FILE"\n')
    for name, value in [("VNA_DIMSE__PORT", "0"), ("VNA_DATA_DIR", "/d"), ("VNA_DIMSE__OTHER_AE_TITLES", "A, B")]:
        monkeypatch.setenv(name, value)

    loaded = settings.load(file)

    assert (loaded.dimse.port, loaded.dimse.ae_title) == (0, "FILE")
    assert loaded.dimse.other_ae_titles == ("A", "B")
    assert loaded.data_dir == Path("/d")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[dimse]\nprot = 1\n", ["dimse.prot", "dimse.port"]),
        ("[dimsee]\nport = 1\n", ["dimsee.port", "dimse.port"]),
        ("port = 1\n", ["port in", "allowed are"]),
        ("dimse = 1\n", ["dimse", "dictionary"]),
        ("[dimse]\nport = 70000\n", ["dimse.port = 70000", "vna.toml", "less than or equal to 65535"]),
        ('[dimse]\nae_title = "LONGER THAN SIXTEEN"\n', ["dimse.ae_title", "1 to 16"]),
        ('[dimse]\nae_title = "A\\\\B"\n', ["dimse.ae_title", "no backslash"]),
        ('[dimse]\nae_title = "  "\n', ["dimse.ae_title", "1 to 16"]),
        ('[dimse]\nother_ae_titles = ["A", ""]\n', ["dimse.other_ae_titles", "1 to 16"]),
        ('[dimse]\nunknown_called_ae_title = "maybe"\n', ["unknown_called_ae_title", "'refuse' or 'accept'"]),
        ('[dimse]\nprivate_sop_classes = ["1.2.x"]\n', ["private_sop_classes", "digits and dots"]),
        ("[serve]\nworkers = 0\n", ["serve.workers = 0", "1 to 32"]),
        ('[serve]\nworkers = "many"\n', ["serve.workers = 'many'", "'auto'", "integer"]),
        ('[index]\nurl = "mysql://u:secret@h/d"\n', ["index.url", "postgresql://"]),
        ('[store]\nurl = "ftp://host/folder"\n', ["store.url", "file:///FOLDER", "s3://BUCKET/PREFIX"]),
        ('[store]\nurl = "s3:///prefix"\n', ["store.url", "s3://BUCKET/PREFIX"]),
        ('[store]\nurl = "s3://key:secret@bucket/prefix"\n', ["store.url", "AWS_ACCESS_KEY_ID"]),
        ('[store]\nendpoint = "minio:9000"\n', ["store.endpoint", "https://HOST:PORT"]),
        ('[store]\nendpoint = "https://key:secret@host"\n', ["store.endpoint", "AWS_ACCESS_KEY_ID"]),
        ("[dimse\n", ["not valid TOML"]),
    ],
)
def test_a_wrong_file_stops_the_start_and_says_what_is_allowed(tmp_path: Path, text: str, told: list[str]) -> None:
    with pytest.raises(StartRefused) as refused:
        settings.load(_file(tmp_path, text))

    for words in told:
        assert words in str(refused.value)
    assert "secret" not in str(refused.value)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(StartRefused) as refused:
        settings.load(_file(tmp_path, "[dimse]\nport = -1\nmax_pdu = 1\n"))

    assert [line.split(" = ")[0] for line in str(refused.value).splitlines()] == ["dimse.port", "dimse.max_pdu"]


@pytest.mark.parametrize("name", ["VNA_DIMSE_PORT", "VNA_DIMSE__PRT", "VNA_FOO", "VNA_DIMSE"])
def test_a_variable_that_is_no_setting_stops_the_start(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")

    with pytest.raises(StartRefused, match=name):
        settings.load()


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNA_DIMSE__PORT", "a")

    with pytest.raises(StartRefused, match=r"dimse\.port = 'a' \(from VNA_DIMSE__PORT\)"):
        settings.load()


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="cannot be read"):
        settings.load(tmp_path / "absent.toml")


def test_what_is_shown_hides_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNA_INDEX__URL", "postgresql://vna:secret@db/vna")

    shown = {setting.path: setting.value for setting in settings.show(settings.load())}

    assert shown["index.url"] == "postgresql://vna:***@db/vna"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().dimse.port = 1  # type: ignore[misc]


def test_replicas_have_names_and_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = {"second": "file:///mnt/second", "far": "s3://bucket/prefix"}
    file = _file(tmp_path, '[store]\nreplicas = ["second=file:///mnt/second", "far = s3://bucket/prefix"]\n')
    assert settings.load(file).store.replica_urls == far

    monkeypatch.setenv("VNA_STORE__REPLICAS", "third=file:///mnt/third,far=s3://bucket/prefix")

    assert settings.load(file).store.replica_urls == {"third": "file:///mnt/third", "far": "s3://bucket/prefix"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("second", "NAME=URL"),
        ("second=", "NAME=URL"),
        ("main=file:///a", "not main"),
        ("Second=file:///a", "a-z"),
        ("second=/mnt/a", "file:///FOLDER"),
        ("second=s3://key:secret@bucket", "credentials"),
        ("second=file:///a,second=file:///b", "a name of its own"),
    ],
)
def test_a_replica_that_cannot_be_stops_the_start(value: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNA_STORE__REPLICAS", value)

    with pytest.raises(StartRefused, match=f"store.replicas.*{told}") as refused:
        settings.load()

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("title", ["VNA", "OTHER"])
def test_the_quality_view_has_an_ae_title_of_its_own(tmp_path: Path, title: str) -> None:
    file = _file(tmp_path, f'[dimse]\nother_ae_titles = ["OTHER"]\nquality_ae_title = "{title}"\n')

    with pytest.raises(StartRefused, match=r"dimse\.quality_ae_title"):
        settings.load(file)


def test_without_a_quality_ae_title_there_is_none() -> None:
    assert settings.load().dimse.quality_ae_title == ""
