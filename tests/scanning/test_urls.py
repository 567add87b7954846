"""Every way in which hub repos put the addresses of their weights together."""

from __future__ import annotations

import pytest

from hubmirror.scanning import Kind, Place
from tests.scanning.memory import calls, found, scanned, sure

URL = "https://host.example/w.pth"


@pytest.mark.parametrize(
    "body",
    [
        f"return load_state_dict_from_url('{URL}')",
        f"return load_state_dict_from_url(url='{URL}', progress=True)",
        "return load_state_dict_from_url('https://host.example/' + NAME + '.pth')",
        "return load_state_dict_from_url(f'{BASE}/{NAME}.pth')",
        "return load_state_dict_from_url('%s/%s.pth' % (BASE, NAME))",
        "return load_state_dict_from_url('%(a)s/w.pth' % {'a': BASE})",
        "return load_state_dict_from_url('{}/{}.pth'.format(BASE, NAME))",
        "return load_state_dict_from_url('{1}/{0}.pth'.format(NAME, BASE))",
        "return load_state_dict_from_url('{base}/w.pth'.format(base=BASE))",
        "return load_state_dict_from_url('/'.join([BASE, 'w.pth']))",
        "return load_state_dict_from_url(os.path.join(BASE, 'w.pth'))",
        "return load_state_dict_from_url(urljoin(BASE + '/', 'w.pth'))",
        "return load_state_dict_from_url(URLS[NAME])",
        "return load_state_dict_from_url(URLS.get('w', None))",
        "return load_state_dict_from_url(Holder.url)",
        "return load_state_dict_from_url(Holder().path)",
        "return load_state_dict_from_url(resource('url::' + URLS['w']))",
        "return fetch(lambda: URLS['w'])",
        "return partial(fetch, lambda: URLS['w'])()",
        "for name, url in URLS.items():\n        load_state_dict_from_url(url)",
        "return [load_state_dict_from_url(url) for url in URLS.values()]",
        "with open('x') as f:\n        return load_state_dict_from_url(URLS['w'])",
        "return torch.hub.load_state_dict_from_url(BASE + '/w.pth')",
        "return torch.utils.model_zoo.load_url(BASE + '/w.pth')",
        "return torch.hub.download_url_to_file(BASE + '/w.pth', 'w.pth')",
        "return urllib.request.urlretrieve(BASE + '/w.pth')",
        "return requests.get(BASE + '/w.pth')",
        "s = requests.Session()\n    return s.get(BASE + '/w.pth')",
        "subprocess.run(['curl', '-O', BASE + '/w.pth'])",
        "os.system('wget ' + BASE + '/w.pth')",
    ],
)
def test_an_address_that_code_hands_to_a_downloader_is_certain(body: str) -> None:
    scan = scanned(
        f"""
import os, subprocess, urllib.request
import requests
from functools import partial
from urllib.parse import urljoin
BASE = "https://host.example"
NAME = "w"
URLS = {{"w": BASE + "/w.pth"}}
class Holder:
    url = BASE + "/w.pth"
    def __init__(self, end=".pth"):
        self.path = f"{{BASE}}/w{{end}}"
def resource(text):
    return text.split("url::")[1]
def fetch(make):
    return load_state_dict_from_url(make())
def tiny():
    {body}
"""
    )

    assert sure(scan)[URL] == "certain"
    assert calls(scan)[URL] == ["tiny"]


def test_a_switch_that_is_off_by_default_is_followed_when_on() -> None:
    scan = scanned(
        f"""
def tiny(pretrained=False, progress: bool = True):
    model = torch.nn.Linear(1, 1)
    if pretrained:
        model.load_state_dict(load_state_dict_from_url("{URL}", progress=progress))
    return model
"""
    )

    assert sure(scan) == {URL: "certain"}


def test_a_guard_gives_the_choices_of_an_argument() -> None:
    scan = scanned(
        """
SIZES = {"a": [1, 2], "b": [2]}
def tiny(name="a", size=1):
    if name not in SIZES:
        raise ValueError(name)
    assert size in SIZES[name]
    return load_state_dict_from_url(f"https://host.example/{name}_{size}.pth")
"""
    )

    assert sure(scan) == {
        "https://host.example/a_1.pth": "certain",
        "https://host.example/a_2.pth": "likely",
        "https://host.example/b_2.pth": "likely",
    }
    assert calls(scan)["https://host.example/b_2.pth"] == ["tiny(name='b', size=2)"]


@pytest.mark.parametrize(
    "parameter",
    [
        "kind: Literal['x', 'y'] = 'x'",
        "kind: Union[Kind, str] = Kind.X",
        "kind='x'",
        "*, kind: 'str' = 'x'",
    ],
)
def test_every_value_that_the_code_lists_is_enumerated(parameter: str) -> None:
    scan = scanned(
        f"""
from enum import Enum
from typing import Literal, Union
class Kind(Enum):
    X = "x"
    Y = "y"
def tiny({parameter}):
    if isinstance(kind, Kind):
        name = kind.value.lower()
    elif kind == "x" or kind == "y":
        name = kind
    else:
        raise ValueError(kind)
    return load_state_dict_from_url("https://host.example/" + name + ".pth")
"""
    )

    assert sure(scan) == {
        "https://host.example/x.pth": "certain",
        "https://host.example/y.pth": "likely",
    }


@pytest.mark.parametrize(
    "choice",
    [
        """
    if kind == "a":
        end = "x"
    elif kind == "b" or kind in ("c",):
        end = "y"
    else:
        raise ValueError
""",
        """
    match kind:
        case "a":
            end = "x"
        case "b" | "c":
            end = "y"
        case _:
            raise ValueError
""",
        """
    end = {"a": "x", "b": "y", "c": "y"}[kind]
""",
    ],
    ids=["elif", "match", "table"],
)
def test_the_ways_that_are_not_taken_tell_the_other_choices(choice: str) -> None:
    scan = scanned(
        f"""
def tiny(kind="a"):
{choice}
    return load_state_dict_from_url(f"https://host.example/{{kind}}{{end}}.pth")
"""
    )

    assert sure(scan) == {
        "https://host.example/ax.pth": "certain",
        "https://host.example/by.pth": "likely",
        "https://host.example/cy.pth": "likely",
    }


def test_what_only_a_caller_knows_is_shown_as_a_pattern() -> None:
    scan = scanned(
        """
def tiny(name):
    return load_state_dict_from_url(f"https://host.example/{name}/w.pth")
"""
    )

    assert sure(scan) == {"https://host.example/{name}/w.pth": "possible"}


def test_one_name_in_one_address_always_means_the_same() -> None:
    scan = scanned(
        """
import os
NAME = "a" if os.environ.get("X") else "b"
def tiny():
    return load_state_dict_from_url(f"https://host.example/{NAME}/{NAME}.pth")
"""
    )

    assert set(sure(scan)) == {"https://host.example/a/a.pth", "https://host.example/b/b.pth"}


def test_names_are_followed_through_the_packages_of_the_repo() -> None:
    scan = scanned(
        "from net.models import *\nfrom net.models import tiny",
        {
            "net/__init__.py": "",
            "net/urls.py": "BASE = 'https://host.example'\nmodel_urls = dict(w=f'{BASE}/w.pth')",
            "net/models.py": """
                try:
                    from torch.hub import load_state_dict_from_url
                except ImportError:
                    from torch.utils.model_zoo import load_url as load_state_dict_from_url
                from .urls import model_urls
                def _make(arch, pretrained, **kwargs):
                    if pretrained:
                        load_state_dict_from_url(model_urls[arch])
                def tiny(pretrained=False, **kwargs):
                    return _make("w", pretrained, **kwargs)
                """,
        },
    )

    assert sure(scan) == {URL: "certain"}
    assert found(scan, Kind.URL)[0].how == "torch.hub.load_state_dict_from_url"


def test_an_inherited_constructor_fetches_for_its_class() -> None:
    scan = scanned(
        f"""
class Base(torch.nn.Module):
    url = None
    def __init__(self, pretrained=True):
        super().__init__()
        if pretrained:
            load_state_dict_from_url(self.url)
class tiny(Base):
    url = "{URL}"
    def __init__(self, pretrained=True):
        super().__init__(pretrained=pretrained)
"""
    )

    assert sure(scan) == {URL: "certain"}


def test_a_literal_that_no_way_was_found_to_is_likely_and_has_its_line() -> None:
    scan = scanned(
        """
import net
def tiny(pretrained=True):
    return net.hidden.registry(pretrained)
""",
        {"net.py": f'"""See https://host.example/paper.zip"""\nTABLE = {{1: "{URL}"}}\n'},
    )

    (only,) = found(scan, Kind.URL)
    assert (only.subject, only.confidence, only.calls) == (URL, "likely", ())
    assert only.place == Place("net.py", 2)


def test_what_hubconf_does_not_lead_to_is_possible() -> None:
    scan = scanned(
        "def tiny(): pass", {"train.py": f"URL = '{URL}'\nPAGE = 'https://host.example/'"}
    )

    assert sure(scan) == {URL: "possible"}


def test_the_configs_that_code_reads_are_read_as_well() -> None:
    scan = scanned(
        """
import os, yaml
def tiny():
    with open(os.path.join(os.path.dirname(__file__), "conf", "models.yml")) as stream:
        return yaml.safe_load(stream)
""",
        {"conf/models.yml": f"# https://host.example/old.pth\na: 1\nurl: {URL}\n", "x.json": "{}"},
    )

    assert sure(scan, Kind.CONFIG) == {"conf/models.yml": "certain"}
    (only,) = found(scan, Kind.URL)
    assert (only.subject, only.place) == (URL, Place("conf/models.yml", 3))
    assert only.entrypoints == ("tiny",)


def test_a_folder_of_google_drive_is_an_address() -> None:
    scan = scanned("import gdown\ndef tiny():\n    gdown.download(id='abc', output='w.pth')")

    assert sure(scan) == {"https://drive.google.com/uc?id=abc": "certain"}
