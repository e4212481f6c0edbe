"""What a web client is told of studies on tiers."""

from pathlib import Path

from tiered import Tiered
from web import web_client

ME = "test"
AVAILABILITY, RETRIEVE_AE = "00080056", "00080054"


def test_searches_tell_and_match_availability_and_what_is_offline_is_to_be_asked_for_again(tmp_path: Path) -> None:
    tiered = Tiered(f"sqlite:///{tmp_path / 'index.sqlite'}", tmp_path)
    near, off = tiered.store(1, study=1)[0].key.study, tiered.store(2, study=2)[0].key.study
    tiered.store(3, study=3)
    tiered.archive.tiers.move(near, "hot", "cold", ME)
    tiered.archive.tiers.move(off, "hot", "deep", ME)
    with web_client(tiered.archive) as client:
        found = client.get("/dicom-web/studies").json()
        matched = client.get("/dicom-web/studies?InstanceAvailability=NEARLINE").json()
        given, refused = client.get(f"/dicom-web/studies/{near}"), client.get(f"/dicom-web/studies/{off}")
    tiered.close()

    assert [each[AVAILABILITY]["Value"] for each in found] == [["NEARLINE"], ["OFFLINE"], ["ONLINE"]]
    assert [each.get(RETRIEVE_AE, {}).get("Value") for each in found] == [None, ["DEEP_ARCHIVE"], None]
    assert [each["0020000D"]["Value"] for each in matched] == [[near]]
    assert given.status_code == 200
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
    assert "offline" in refused.json()["detail"]
