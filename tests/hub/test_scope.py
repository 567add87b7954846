"""Who is served: the code inside, its threads, and nobody else; afterwards all is as before."""

import contextlib
import inspect
import threading
import time
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

import hubmirror
from hubmirror.errors import OfflineMissError
from hubmirror.hub import scope
from hubmirror.hub.interception import Hook, Interception, Layer
from hubmirror.hub.scope import Scope
from tests.hub.small_mirror import SmallRepo, publish, weights

URL = "https://weights.example/net.pth"
HUBCONF = f"import torch\ndef net(): return torch.hub.load_state_dict_from_url({URL!r})['value']"


@pytest.fixture
def nets(mirror: Path) -> Path:
    publish(
        mirror, [SmallRepo("acme/nets", {"main": {"hubconf.py": HUBCONF}}, {URL: weights(3.0)})]
    )
    return mirror


def fingerprint() -> dict[str, Any]:
    """Everything in torch.hub and threading that an interception could have left behind."""
    found = {name: value for name, value in vars(torch.hub).items() if name[:11] != "_hubmirror_"}
    found["start"] = threading.Thread.start
    found["codes"] = [torch.hub.load_state_dict_from_url.__code__,
                      torch.hub.download_url_to_file.__code__]  # fmt: skip
    return found


def interception(*hooks: Hook) -> Interception:
    """Return an interception of a module that is there already."""
    return Interception([Layer("example", "types", lambda _: hooks)])


def test_hooks_are_gone_when_the_last_scope_has_ended(nets: Path) -> None:
    before = fingerprint()

    hubmirror.load("acme/nets", "net", mirror=nets)
    with pytest.raises(OfflineMissError), hubmirror.offline(nets):
        torch.hub.load_state_dict_from_url("https://weights.example/gone.pth")

    assert fingerprint() == before


def test_signatures_and_docstrings_stay_what_they_were(nets: Path) -> None:
    functions: list[Callable[..., Any]] = [
        torch.hub.load_state_dict_from_url,
        torch.hub.download_url_to_file,
    ]
    before = [(inspect.signature(each), each.__doc__) for each in functions]

    with hubmirror.offline(nets):
        inside = [(inspect.signature(each), each.__doc__) for each in functions]

    assert inside == before


def test_stock_torch_hub_is_served_inside(nets: Path) -> None:
    stock: Any = torch.hub

    with hubmirror.offline(nets):
        assert stock.load("acme/nets", "net").item() == 3.0
        assert stock.list("acme/nets:main", verbose=False) == ["net"]


def test_scopes_can_be_nested(nets: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    publish(other, loose={URL: weights(4.0)})

    with hubmirror.offline(nets), hubmirror.offline(nets):
        with hubmirror.offline(other):
            inner = torch.hub.load_state_dict_from_url(URL)
        outer = torch.hub.load_state_dict_from_url(URL)
        again = hubmirror.load("acme/nets", "net")  # the mirror of the scope

    assert (inner["value"].item(), outer["value"].item(), again.item()) == (4.0, 3.0, 3.0)


def test_threads_that_start_inside_are_served(nets: Path) -> None:
    with hubmirror.offline(nets), ThreadPoolExecutor(4) as pool:
        got = list(pool.map(torch.hub.load_state_dict_from_url, [URL] * 8))

    assert [state["value"].item() for state in got] == [3.0] * 8


def test_a_thread_outside_is_not_noticed_by_the_scope(nets: Path) -> None:
    go, seen = threading.Event(), []

    def outside() -> None:
        go.wait()
        seen.append(scope.current())

    thread = threading.Thread(target=outside)
    thread.start()
    with hubmirror.offline(nets):
        assert scope.current() is not None
        go.set()
        thread.join()

    assert seen == [None]


def test_a_thread_that_outlives_its_scope_is_free(nets: Path) -> None:
    go, seen = threading.Event(), []

    def lingering() -> None:
        seen.append(scope.current() is not None)
        go.wait()
        seen.append(scope.current() is not None)

    with hubmirror.offline(nets):
        thread = threading.Thread(target=lingering)
        thread.start()
        while not seen:
            time.sleep(0.001)
    go.set()
    thread.join()

    assert seen == [True, False]


def test_a_hubconf_may_load_in_threads_of_its_own(mirror: Path) -> None:
    outer = (
        "import torch\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "def net():\n"
        "    with ThreadPoolExecutor() as pool:\n"
        "        return pool.submit(torch.hub.load, 'acme/nets', 'net').result().item()\n"
    )
    repos = [
        SmallRepo("acme/outer", {"main": {"hubconf.py": outer}}),
        SmallRepo("acme/nets", {"main": {"hubconf.py": HUBCONF}}, {URL: weights(3.0)}),
    ]
    publish(mirror, repos)

    assert hubmirror.load("acme/outer", "net", mirror=mirror) == 3.0


def test_loads_of_many_threads_do_not_mix(mirror: Path) -> None:
    names = [f"net{number}" for number in range(8)]
    publish(mirror, [
        SmallRepo(f"acme/{name}", {"main": {
            "hubconf.py": f"def net():\n    import of_{name}\n    return of_{name}.NAME",
            f"of_{name}.py": f"import time\ntime.sleep(0.01)\nNAME = {name!r}",
        }})
        for name in names
    ])  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: hubmirror.load(f"acme/{n}", "net", mirror=mirror), names))

    assert got == names


def test_calls_from_outside_reach_the_original_while_somebody_is_inside() -> None:
    module = types.SimpleNamespace(__name__="module", ask=lambda: "original")
    hooks = [Hook(module, "ask", lambda original: f"answer for {original()}")]

    with interception(*hooks).in_force():
        outside = module.ask()
        with scope.entered(Scope(None)):
            inside = module.ask()

    assert (outside, inside, module.ask()) == ("original", "answer for original", "original")


def test_the_last_of_several_users_takes_the_hooks_out() -> None:
    module = types.SimpleNamespace(__name__="module", ask=lambda: "original")
    original, shared = module.ask, interception(Hook(module, "ask", lambda _: "answer"))

    with contextlib.ExitStack() as first:
        first.enter_context(shared.in_force())
        with shared.in_force():
            first.close()
            assert module.ask is not original

    assert module.ask is original


def test_what_somebody_else_replaced_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    module = types.SimpleNamespace(__name__="module", ask=lambda: "original")

    with interception(Hook(module, "ask", lambda _: "answer")).in_force():
        module.ask = theirs = lambda: "theirs"

    assert module.ask is theirs
    assert "ask was replaced by somebody else" in caplog.text


def example(first: int, second: int = 2, *, third: int = 3) -> Iterator[int]:
    """Stand for any function of torch, whatever its signature."""
    yield from (first, second, third)


def test_a_trampoline_fits_any_signature_and_every_way_to_call() -> None:
    module = types.SimpleNamespace(__name__="module", example=example)

    def answer(original: Any, **given: int) -> dict[str, int]:
        return given

    with interception(Hook(module, "example", answer, through_code=True)).in_force():
        outside = list(example(1))
        with scope.entered(Scope(None)):
            inside: object = example(5, third=7)

    assert outside == [1, 2, 3]
    assert inside == {"first": 5, "second": 2, "third": 7}
    assert list(example(1)) == [1, 2, 3]


def test_a_load_within_a_load_may_name_another_mirror_in_a_thread(nets: Path, mirror: Path) -> None:
    outer = (
        "import hubmirror, threading\n"
        "def net():\n"
        "    got = []\n"
        f"    load = lambda: got.append(hubmirror.load('acme/nets', 'net', mirror={str(nets)!r}))\n"
        "    thread = threading.Thread(target=load)\n"
        "    thread.start()\n"
        "    thread.join(60)\n"
        "    return got[0].item()\n"
    )
    other = mirror.with_name("other")
    publish(other, [SmallRepo("acme/outer", {"main": {"hubconf.py": outer}})])

    assert hubmirror.load("acme/outer", "net", mirror=other) == 3.0


def test_an_inner_scope_without_a_mirror_keeps_the_one_around_it(nets: Path) -> None:
    first = nets.with_name("pinned")
    old = publish(first, loose={URL: weights(1.0)})
    publish(first, loose={URL: weights(2.0)})

    with hubmirror.offline(first, publication=old.hex), hubmirror.offline(verify="full"):
        got = torch.hub.load_state_dict_from_url(URL)

    assert got["value"].item() == 1.0
