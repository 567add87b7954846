"""Which calls of installed packages fetch something, and what they fetch.

A table, and the few rules that no table can hold. Knows nothing of who calls.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from hubmirror.hubconf.values import Foreign, Opaque, Text, Value
from hubmirror.scanning.asking import Arguments
from hubmirror.scanning.findings import Kind
from hubmirror.scanning.strings import concatenated, parts_of
from hubmirror.scanning.values import Items, Known, Pattern, options, plain, truth

_URL_FIRST = frozenset(
    {
        *("torch.hub.load_state_dict_from_url", "torch.hub.download_url_to_file"),
        *("torch.utils.model_zoo.load_url", "torchvision.models.utils.load_state_dict_from_url"),
        "torchvision._internally_replaced_utils.load_state_dict_from_url",
        *("torchvision.datasets.utils.download_url", "torchaudio.utils.download_asset"),
        "torchvision.datasets.utils.download_and_extract_archive",
        *("urllib.request.urlretrieve", "urllib.request.urlopen", "urllib.request.Request"),
        *("urllib.urlretrieve", "six.moves.urllib.request.urlretrieve"),
        *("requests.get", "requests.Session().get", "requests.session().get"),
        *("httpx.get", "httpx.Client().get", "wget.download", "gdown.download"),
        *("gdown.cached_download", "pooch.retrieve", "fsspec.open"),
        *("fvcore.common.download.download", "iopath.common.download.download"),
        *("mmcv.runner.load_checkpoint", "mmengine.runner.load_checkpoint"),
    }
)
_URL_SECOND = frozenset({"requests.request", "httpx.request", "httpx.stream"})
_BY_TAIL = frozenset(
    {"load_state_dict_from_url", "load_url", "download_url_to_file", "urlretrieve"}
)
_URL_NAMES = ("url", "fullurl", "uri", "urlOrRequest")
_HUB = frozenset({"torch.hub.load", "torch.hub.list", "torch.hub.help"})
_HUGGING_FACE = frozenset(
    {"hf_hub_download", "snapshot_download", "cached_download", "hf_hub_url", "from_pretrained"}
)
_COMMANDS = frozenset(
    {
        *("os.system", "os.popen", "subprocess.run", "subprocess.call", "subprocess.Popen"),
        *("subprocess.check_call", "subprocess.check_output", "subprocess.getoutput"),
    }
)
_PACKAGES = (
    "timm.create_model",
    "timm.models.create_model",
    "torchvision.models.",
    "open_clip.create_model",
    "clip.load",
    "whisper.load_model",
    "pretrainedmodels.",
    "segmentation_models_pytorch.",
    "torchaudio.pipelines.",
)
_READERS = frozenset(
    {
        *("builtins.open", "io.open", "omegaconf.OmegaConf.load", "yaml.load", "json.load"),
        *("mmcv.Config.fromfile", "mmengine.Config.fromfile", "mmengine.config.Config.fromfile"),
        *("hydra.compose", "pathlib.Path.read_text"),
    }
)
_WITHOUT_ADDRESSES = {*sys.stdlib_module_names, "builtins", "torch"}
_CONFIG = re.compile(r"\.(ya?ml|json)$", re.IGNORECASE)
_SPEC = re.compile(r"[A-Za-z0-9_.][\w.-]*/[\w.-]+(?::[^\s:]+)?")
_FETCHING = re.compile(r"\b(curl|wget|aria2c|gsutil|gdown|huggingface-cli|git|pip3?|aws)\b")


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that a call asks for: a string or a pattern, with what it was put together as."""

    kind: Kind
    subject: Text | Pattern
    how: str
    is_mixed: bool = False


def sightings(name: str, given: Arguments) -> Iterator[Sighting]:
    """Go through what a call of something of an installed package asks for."""
    tail = name.rpartition(".")[2]
    if name in _HUB:
        yield from _hub(name, given)
    elif name in _URL_FIRST or tail in _BY_TAIL:
        yield from _addresses(_url(given, 0), name)
        if name == "gdown.download":
            yield from _of(Kind.URL, _drive(given), name)
    elif name in _URL_SECOND:
        yield from _addresses(_url(given, 1), name)
    elif tail in _HUGGING_FACE:
        yield from _hugging_face(name, tail, given)
    elif name in _COMMANDS:
        yield from _command(name, given)
    elif name in _READERS:
        yield from _config(name, given)
    elif name.startswith(_PACKAGES):
        yield from _package(name, given)


def _of(kind: Kind, value: Value, how: str) -> Iterator[Sighting]:
    is_mixed = bool(getattr(plain(value), "is_mixed", False))
    for option in options(value):
        if isinstance(option, Text | Pattern):
            yield Sighting(kind, option, how.lstrip("."), is_mixed)


def is_download(name: str) -> bool:
    """Tell whether a function of an installed package fetches what its arguments name."""
    tail = name.rpartition(".")[2]
    if name in _HUB or name in _URL_FIRST or name in _URL_SECOND:
        return True
    return tail in _BY_TAIL or (tail in _HUGGING_FACE and tail != "from_pretrained")


def _addresses(value: Value, how: str) -> Iterator[Sighting]:
    yield from _of(Kind.URL, value, how)
    for option in options(value):
        if isinstance(option, Foreign) and _is_table(option):
            yield Sighting(Kind.PACKAGE, Text(option.name), how.lstrip("."))


def _is_table(value: Value) -> bool:
    """Tell whether an address is one that an installed package has written in it."""
    if not isinstance(value, Foreign) or "()" in value.name or "." not in value.name:
        return False
    return value.name.partition(".")[0] not in _WITHOUT_ADDRESSES


def _url(given: Arguments, index: int) -> Value:
    named = (given.named[name] for name in _URL_NAMES if name in given.named)
    found = next(named, given.at(index, "url"))
    return Pattern(parts_of(found, "url")[0]) if _is_unknown(found) else found


def _is_unknown(value: Value) -> bool:
    known = (Text, Pattern, Known)
    return not any(isinstance(one, known) or _is_table(one) for one in options(value))


def _drive(given: Arguments) -> Value:
    identity = given.named.get("id", Opaque.ABSENT)
    if identity is Opaque.ABSENT:
        return Opaque.ABSENT
    return concatenated([[("https://drive.google.com/uc?id=",)], parts_of(identity, "id")])


def _hub(name: str, given: Arguments) -> Iterator[Sighting]:
    """Tell the repo of a nested load; a folder, and what may be one, is none."""
    if options(given.named.get("source", Text("github"))) == (Text("local"),):
        return
    for seen in _of(Kind.REPO, given.at(0, "repo_or_dir"), name):
        match seen.subject:
            case Text(text) if _SPEC.fullmatch(text) and not text.startswith("."):
                yield seen
            case Pattern(parts) if isinstance(parts[0], str) and "/" in parts[0].lstrip("/."):
                yield seen
            case _:
                pass


def _hugging_face(name: str, tail: str, given: Arguments) -> Iterator[Sighting]:
    repo = given.at(0, "repo_id")
    if tail == "from_pretrained":  # as often of a folder: nothing known is nothing told
        repo = given.at(0, "pretrained_model_name_or_path")
    elif _is_unknown(repo):
        repo = Pattern(parts_of(repo, "repo_id")[0])
    file = given.at(1, "filename") if tail in ("hf_hub_download", "hf_hub_url") else Opaque.ABSENT
    for option in options(repo):
        is_path = isinstance(option, Text) and option.text.startswith(("/", ".", "http"))
        if not isinstance(option, Text | Pattern) or is_path:
            continue
        pieces = [parts_of(option, "repo_id")]
        if file is not Opaque.ABSENT:
            pieces += [[(" ",)], parts_of(file, "filename")]
        yield from _of(Kind.HUGGING_FACE, concatenated(pieces), name)


def _command(name: str, given: Arguments) -> Iterator[Sighting]:
    held = plain(given.at(0, "args"))
    pieces = [held]
    if isinstance(held, Items):
        pieces = [piece for item in held.items for piece in (Text(" "), item)][1:]
    line = concatenated([parts_of(piece, "...") for piece in pieces])
    for seen in _of(Kind.COMMAND, line, name):
        parts = [seen.subject.text] if isinstance(seen.subject, Text) else seen.subject.parts
        if any(isinstance(part, str) and _FETCHING.search(part) for part in parts):
            yield seen


def _config(name: str, given: Arguments) -> Iterator[Sighting]:
    for seen in _of(Kind.CONFIG, given.at(0, "file"), name):
        last = seen.subject.text if isinstance(seen.subject, Text) else seen.subject.parts[-1]
        if isinstance(last, str) and _CONFIG.search(last):
            yield seen


def _package(name: str, given: Arguments) -> Iterator[Sighting]:
    """Tell that a model of another package is made with its weights."""
    if "()" in name:  # what an object of the package does fetches nothing
        return
    wanted = [given.named.get(word, Opaque.ABSENT) for word in ("pretrained", "weights")]
    if name.startswith(("clip.", "whisper.", "torchaudio.pipelines.")):
        wanted = [Known(True)] if name.endswith(("load", "load_model", "get_model")) else []
    elif name.startswith("torchvision.models.") and wanted == [Opaque.ABSENT] * 2:
        wanted = given.positional[:1]
    if not any(one is not Opaque.ABSENT and truth(one) is not False for one in wanted):
        return
    if name.rpartition(".")[2].startswith("create_model") or name.endswith(("load", "load_model")):
        model = given.at(0, "model_name")
        line = concatenated([[(f"{name} ",)], parts_of(model, "model_name")])
        yield from _of(Kind.PACKAGE, line, name)
    elif name.rpartition(".")[2][:1].islower():
        yield Sighting(Kind.PACKAGE, Text(name), name)
