"""Download calls whose address is hard to tell: they are never passed over in silence."""

from __future__ import annotations

import pytest

from hubmirror.scanning import Kind, Place
from hubmirror.scanning.suggesting import suggest
from tests.scanning.memory import calls, found, scanned, sure

HOST = "https://host.example"


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        ("load_state_dict_from_url(answer())", "{url}"),
        ("torch.hub.download_url_to_file(url, 'w')", "{url}"),
        ("urllib.request.urlretrieve(row['address'])", "{address}"),
        (f"load_state_dict_from_url('{HOST}/' + row['name'])", HOST + "/{name}"),
    ],
)
def test_a_download_in_a_branch_that_was_not_entered_is_possible(call: str, shown: str) -> None:
    scan = scanned(
        f"""
import urllib.request
def tiny(row=None, url=None):
    from os import environ
    if isinstance(row, int):
        return {call}
"""
    )

    (finding,) = found(scan, Kind.URL)
    assert (finding.confidence, finding.place) == ("possible", Place("hubconf.py", 8))
    assert finding.subject == shown


def test_what_the_demo_of_a_module_downloads_is_no_download_of_the_repo() -> None:
    scan = scanned(
        "def tiny(): pass\nif __name__ == '__main__':\n    load_state_dict_from_url(x)\n"
    )

    assert found(scan, Kind.URL) == []


def test_a_name_that_the_code_wants_as_a_string_is_looked_up_in_its_tables() -> None:
    scan = scanned(
        f"""
ROWS = {{"a": ("a.pth", 1), "b": ("b.pth", 2)}}
def tiny(pretrained=None, classes=2):
    if isinstance(pretrained, str):
        assert classes == ROWS[pretrained][1]
        return load_state_dict_from_url("{HOST}/" + ROWS[pretrained][0])
"""
    )

    assert sure(scan) == {f"{HOST}/a.pth": "likely", f"{HOST}/b.pth": "likely"}
    assert calls(scan) == {
        f"{HOST}/a.pth": ["tiny(pretrained='a', classes=1)"],
        f"{HOST}/b.pth": ["tiny(pretrained='b')"],
    }


def test_a_switch_that_may_be_a_name_is_tried_with_each_name() -> None:
    scan = scanned(
        f"""
def tiny(pretrained=True):
    known = {{name: f"{HOST}/{{name}}" for name in ["a", "b"]}}
    url = known.get(pretrained, pretrained) if type(pretrained) == str else known.get("b")
    return load_state_dict_from_url(url)
"""
    )

    assert sure(scan) == {f"{HOST}/b": "certain", f"{HOST}/a": "likely"}
    assert calls(scan)[f"{HOST}/a"] == ["tiny(pretrained='a')"]


@pytest.mark.parametrize("lookup", ["kwargs.get('kind', 'one')", "kwargs.pop('kind', 'one')"])
def test_a_name_among_further_arguments_is_tried_with_each_that_a_table_has(lookup: str) -> None:
    scan = scanned(
        f"""
ZOO = {{}}
ZOO["gpu"] = {{}}
ZOO["gpu"]["one"] = "{HOST}/one/zip"
ZOO["gpu"]["two"] = "{HOST}/two/zip"
def tiny(**kwargs):
    return _inner(**kwargs)
def _inner(**kwargs):
    torch.hub.download_url_to_file(ZOO["gpu"][{lookup}], "w")
"""
    )

    assert sure(scan) == {f"{HOST}/one/zip": "certain", f"{HOST}/two/zip": "likely"}
    assert calls(scan)[f"{HOST}/two/zip"] == ["tiny(kind='two')"]


def test_a_switch_among_further_arguments_is_followed_on_and_off() -> None:
    scan = scanned(
        f"""
def tiny(**kwargs):
    if kwargs.pop("pretrained", False):
        return load_state_dict_from_url("{HOST}/w")
"""
    )

    assert sure(scan) == {f"{HOST}/w": "certain"}


def test_the_default_of_getattr_is_followed_where_the_object_is_none() -> None:
    scan = scanned(
        f"""
DEFAULT = "{HOST}/encoder.json"
def tiny(options=None):
    return load_state_dict_from_url(getattr(options, "encoder", DEFAULT))
"""
    )

    assert sure(scan) == {f"{HOST}/encoder.json": "certain"}


def test_the_address_of_a_data_file_that_nobody_was_seen_to_use_is_possible() -> None:
    scan = scanned(f'ENCODER = "{HOST}/encoder.json"\nPAGE = "{HOST}/page"\ndef tiny(): pass\n')

    assert sure(scan) == {f"{HOST}/encoder.json": "possible"}


def test_a_table_of_addresses_in_an_installed_package_is_told_of() -> None:
    scan = scanned(
        """
from nets.tables import url_map
def tiny(kind="a"):
    settings = {"url": url_map[kind]}
    return load_state_dict_from_url(settings["url"])
"""
    )

    assert sure(scan, Kind.PACKAGE) == {"nets.tables.url_map": "certain"}


def test_what_an_object_of_another_package_does_is_no_download() -> None:
    scan = scanned(
        f"""
from torchvision.models.resnet import ResNet
def tiny():
    model = ResNet([1])
    model.load_state_dict(load_state_dict_from_url("{HOST}/w"))
"""
    )

    assert found(scan, Kind.PACKAGE) == []


def test_what_hubconf_does_not_lead_to_is_aside_and_in_no_manifest() -> None:
    scan = scanned(
        f'def tiny():\n    load_state_dict_from_url("{HOST}/w.pth")',
        {"train.py": f'URL = "{HOST}/train.pth"', "train.yaml": f"url: {HOST}/config.pth"},
    )

    aside = {one.subject for one in scan.findings if one.is_aside}

    assert aside == {f"{HOST}/train.pth", f"{HOST}/config.pth"}
    suggestion = suggest(scan, "acme/nets", "")
    assert [one.url for one in suggestion.spec.checkpoints] == [f"{HOST}/w.pth"]
    assert suggestion.rest == ()
