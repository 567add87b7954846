"""Which names of hubconf.py are entrypoints, and how they are described."""

from __future__ import annotations

import pytest

from hubmirror.errors import FormatError, InvalidInputError
from hubmirror.hubconf import Entrypoint, Hubconf, read_hubconf
from tests.hubconf.memory import names, only, read


def test_functions_and_classes_are_entrypoints_in_the_order_of_their_names() -> None:
    hubconf = read("def small(): ...\nasync def big(): ...\nclass Net: ...\n")

    assert names(hubconf) == ["Net", "big", "small"]
    assert not hubconf.open_ended


def test_an_entrypoint_knows_its_signature_its_docstring_and_its_place() -> None:
    hubconf = read(
        "\n\ndef net(x, /, pretrained=False, *args, device: str = 'cpu', **kwargs) -> object:\n"
        '    """Builds a net.\n\n    Twice indented.\n    """\n'
    )

    assert only(hubconf) == Entrypoint(
        name="net",
        signature="(x, /, pretrained=False, *args, device: str = 'cpu', **kwargs) -> object",
        doc="Builds a net.\n\nTwice indented.",
        file="hubconf.py",
        line=3,
    )


def test_private_names_and_data_are_no_entrypoints() -> None:
    hubconf = read(
        "def _make(): ...\n_net = _make\nurls = {'a': 'b'}\nsize = 3\nname = 'x'\n"
        "squares = [n for n in range(3)]\n"
    )

    assert names(hubconf) == []
    assert not hubconf.open_ended


def test_what_installed_packages_lend_is_no_entrypoint() -> None:
    hubconf = read(
        "import torch\nimport os.path as path\nfrom functools import partial\n"
        "from torchvision.models import resnet18\nfrom torch.hub import *\n"
        "Linear = torch.nn.Linear\nlog = torch.get_logger(__name__)\n"
    )

    assert names(hubconf) == []
    assert not hubconf.open_ended


@pytest.mark.parametrize(
    ("value", "signature"),
    [
        ("_made", "(size, depth=2)"),
        ("lambda size, *rest: _made(size)", "(size, *rest)"),
        ("partial(_made, 3)", "(depth=2)"),
        ("functools.partial(_made, depth=5)", "(size, *, depth=5)"),
        ("partial(partial(_made, 3), depth=9)", "(*, depth=9)"),
        ("partial(_made, *args)", ""),
        ("partial(_made, **options)", ""),
        ("partial(_made, 1, 2, 3)", ""),
        ("partial(torch.nn.Linear, 3)", ""),
        ("_made if torch.cuda.is_available() else None", "(size, depth=2)"),
        ("torch.no_grad()(_made)", "(size, depth=2)"),
        ("torch.registry['x'](_made)", "(size, depth=2)"),
        ("(_kept := _made)", "(size, depth=2)"),
        ("_made or None", "(size, depth=2)"),
        ("(lambda: _made)()", "(size, depth=2)"),
        ("(lambda function: lambda image: function(image))(_made)", "(image)"),
        ("_Net", "(width)"),
        ("_Net.build", "(scale)"),
        ("_Net.load", "(path)"),
        ("_Net(3)", "(image)"),
        ("_factory()", "(channels)"),
        ("_passed_on(_made)", "(size, depth=2)"),
        ("_wrapped(_made)", "(size, depth=2)"),
    ],
)
def test_an_assigned_callable_is_an_entrypoint(value: str, signature: str) -> None:
    hubconf = read(
        "import functools, torch\nfrom functools import partial\n"
        "def _made(size, depth=2): ...\n"
        "def _factory():\n    def inner(channels): ...\n    return inner\n"
        "def _passed_on(function):\n    return function\n"
        "def _wrapped(function):\n    @functools.wraps(function)\n"
        "    def inner(other): ...\n    return inner\n"
        "class _Net:\n    def __init__(self, width): ...\n    def __call__(self, image): ...\n"
        "    @staticmethod\n    def build(scale): ...\n"
        "    @classmethod\n    def load(cls, path): ...\n"
        f"net = {value}\n"
    )

    assert (only(hubconf).name, only(hubconf).signature) == ("net", signature)
    assert not hubconf.open_ended


def test_a_partial_is_found_where_it_is_written_and_documented_by_what_it_wraps() -> None:
    hubconf = read(
        "from functools import partial\nfrom zoo import build\nnet = partial(build, 3)\n",
        {"zoo.py": 'def build(size):\n    "Builds."\n'},
    )

    net = hubconf.entrypoints[1]
    assert (net.name, net.doc, net.file, net.line) == ("net", "Builds.", "hubconf.py", 3)


@pytest.mark.parametrize(
    ("definition", "signature"),
    [
        ("class Net: ...", "()"),
        ("class Net:\n    def __init__(self, a, *, b=1) -> None: ...", "(a, *, b=1)"),
        ("class Net:\n    def __new__(cls, a): ...", "(a)"),
        ("class _Base:\n    def __init__(self, a): ...\nclass Net(_Base): ...", "(a)"),
        ("import torch\nclass Net(torch.nn.Module): ...", ""),
        ("import dataclasses\n@dataclasses.dataclass\nclass Net:\n    a: int", ""),
    ],
)
def test_a_class_is_called_as_its_constructor_says(definition: str, signature: str) -> None:
    assert only(read(definition)).signature == signature


@pytest.mark.parametrize(
    ("decorator", "signature"),
    [
        ("torch.no_grad()", "(size)"),
        ("unknown.thing", "(size)"),
        ("_same", "(size)"),
        ("_passing", "(size)"),
        ("_pretrained('url')", "(pretrained=False, **kwargs)"),
    ],
)
def test_a_decorator_keeps_name_and_docstring(decorator: str, signature: str) -> None:
    hubconf = read(
        "import torch\n"
        "def _same(function): return function\n"
        "def _passing(function):\n"
        "    def inner(*args, **kwargs): ...\n    return inner\n"
        "def _pretrained(url):\n    def decorate(function):\n"
        "        def inner(pretrained=False, **kwargs): ...\n        return inner\n"
        "    return decorate\n"
        f"@{decorator}\ndef net(size):\n    'Builds.'\n"
    )

    assert (only(hubconf).name, only(hubconf).doc) == ("net", "Builds.")
    assert only(hubconf).signature == signature


def test_the_last_binding_of_a_name_wins() -> None:
    hubconf = read("def net(a): ...\ndef net(b): ...\ndef gone(): ...\ngone = None\n")

    assert only(hubconf).signature == "(b)"


def test_a_deleted_name_is_no_entrypoint() -> None:
    assert names(read("def net(): ...\ndef helper(): ...\ndel helper\n")) == ["net"]


@pytest.mark.parametrize(
    "code",
    [
        "if torch.cuda.is_available():\n    def net(): ...",
        "if a:\n    pass\nelif b:\n    pass\nelse:\n    def net(): ...",
        "try:\n    from missing import net\nexcept ImportError:\n    def net(): ...",
        "try:\n    import missing\nexcept ImportError:\n    net = None\nelse:\n    def net(): ...",
        "try:\n    pass\nexcept* OSError:\n    def net(): ...",
        "try:\n    pass\nfinally:\n    def net(): ...",
        "with lock, open('x') as f:\n    def net(): ...",
        "for _ in range(1):\n    def net(): ...",
        "while True:\n    def net(): ...\n    break",
        "match a:\n    case 1:\n        def net(): ...",
        "if not TYPE_CHECKING:\n    def net(): ...",
        "def net(): ...\nif a:\n    net = None",
        "def net(): ...\nif a:\n    del net",
        "net, other = (lambda: 1), 2",
        "net: object = lambda: 1",
        "net = lambda: 1\nnet: object",
        "net = lambda: 1\nnet.size += 1",
    ],
)
def test_a_definition_in_a_branch_counts(code: str) -> None:
    hubconf = read(f"import torch\nfrom typing import TYPE_CHECKING\n{code}\n")

    assert names(hubconf) == ["net"]


@pytest.mark.parametrize(
    "condition", ["TYPE_CHECKING", "typing.TYPE_CHECKING", "False", "__name__ == '__main__'"]
)
def test_a_branch_that_never_runs_defines_nothing(condition: str) -> None:
    assert names(read(f"if {condition}:\n    def net(): ...\n")) == []


def test_without_hubconf_there_is_nothing_to_read() -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_hubconf(lambda _: None)

    assert caught.value.message == "no hubconf.py at this ref: torch.hub cannot load it"


@pytest.mark.parametrize(
    ("text", "dependencies"),
    [
        ("dependencies = ['torch', 'timm']", ("torch", "timm")),
        ("dependencies = ('torch',)", ("torch",)),
        ("dependencies = {'torch'}", ("torch",)),
        ("base = ['torch']\ndependencies = [*base, 'timm']", ("torch", "timm")),
        ("dependencies = list(('torch',))", ("torch",)),
        ("name = 'torch'\ndependencies = [f'{name}vision']", ("torchvision",)),
        ("dependencies: list[str] = ['torch']", ("torch",)),
        ("base = ['torch']\ndependencies = base + ['timm']", ("torch", "timm")),
        ("dependencies = ['torch']\ndependencies += ['timm']", ("torch", "timm")),
        ("dependencies = ['torch']\ndependencies.append('timm')", ("torch", "timm")),
        ("dependencies = ['torch']\ndependencies.extend(['timm'])", ("torch", "timm")),
        ("from zoo import dependencies", ("torch", "einops")),
        ("dependencies = ['torch']\nif a:\n    dependencies += ['timm']", ("torch",)),
        ("dependencies = 'torch'", ()),
        ("dependencies = [1, 2]", ()),
        ("dependencies = read()", ()),
        ("dependencies = read()\ndependencies.append('torch')", ()),
        ("dependencies = ['torch'][0]", ()),
        ("import os\ndependencies = [os.path.join('torch', other)]", ()),
        ("dependencies = ['torch', *read()]", ()),
        ("dependencies = [f'{torch.name}']", ()),
        ("dependencies = ['torch']\ndependencies.extend(read())", ()),
        ("dependencies = ['torch']\ndependencies += read()", ()),
        ("", ()),
    ],
)
def test_dependencies_are_read_where_they_are_literal(
    text: str, dependencies: tuple[str, ...]
) -> None:
    hubconf = read(text, {"zoo.py": "dependencies = ['torch', 'einops']"})

    assert hubconf.dependencies == dependencies


def test_what_was_read_survives_encoding_and_equal_values_encode_to_equal_bytes() -> None:
    hubconf = read("dependencies = ['torch']\ndef net(a='\u00e9'):\n    '\\ud800 \u00fc'\n")

    content = hubconf.encode()

    assert Hubconf.decode(content) == hubconf
    assert Hubconf.decode(content).encode() == content


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b'{"entrypoints": [3]}'])
def test_bytes_that_are_no_description_are_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match=r"not the description of a hubconf\.py"):
        Hubconf.decode(content)


def test_a_key_of_a_newer_version_is_ignored() -> None:
    content = read("def net(): ...").encode().replace(b"{", b'{"newer":1,', 1)

    assert names(Hubconf.decode(content)) == ["net"]
