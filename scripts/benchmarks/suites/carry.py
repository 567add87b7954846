"""Across a gap and back to a mirror: bundles against tar, rsync and backup programs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts.benchmarks.cases import Case, Contender, Unit, constant
from scripts.benchmarks.commands import HUBMIRROR
from scripts.benchmarks.processes import Took, run_command, run_shell
from scripts.benchmarks.rounds import RunError
from scripts.benchmarks.stores import Files, Store
from scripts.benchmarks.workbench import Workbench, lacks_program

_MIB = 2**20
_LIMIT_MIB = 150
_LIMIT_S = 2.0
_SUMS = "find . -type f -print0 | xargs -0 sha256sum >sums"
_RESTIC = "restic --quiet --no-cache --repo repo"
_VARIABLES = {"RESTIC_PASSWORD": "none", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}


def cases(bench: Workbench) -> Sequence[Case]:
    lacks = _lacks_commands()
    store = Store.empty(bench.folder / "carry")
    store.grow(
        Files(1, bench.size(512 * _MIB, 4 * _MIB)),
        Files(bench.size(400, 10), _MIB),
        Files(bench.size(2000, 50), 10 * 1024),
    )
    bundle = bench.folder / "carry" / "bundle"
    many = Store.empty(bench.folder / "carry_many")
    many.grow(Files(bench.size(100_000, 500), 64))
    have = bench.folder / "carry_many" / "have.json"
    if not lacks:
        _export(store, bundle)
        run_shell(f"{HUBMIRROR} have --mirror {many.mirror} >{have}", folder=have.parent)
    many.grow(Files(10, 10 * 1024))
    size = sum(path.stat().st_size for path in store.blobs.rglob("*") if path.is_file()) / _MIB
    files = f"{size:,.0f} MiB, {bench.size(2401, 61):,} files"
    return [
        _exporting(store, files, lacks),
        _importing(bundle, files, lacks),
        _round_trip(store, files, lacks),
        *_at_100_000(many, have, lacks),
        *_memory(store, bundle, many, have, lacks),
    ]


def _lacks_commands() -> str:
    try:
        for name in ("export", "import", "have"):
            run_command([HUBMIRROR, name, "--help"], folder=HUBMIRROR.parent)
    except RunError:
        return "there is no such command yet"
    return ""


def _export(store: Store, out: Path, *words: str) -> Took:
    return run_command([HUBMIRROR, "export", out, *store.places, *words], folder=out.parent)


def _import(bundle: Path, folder: Path) -> Took:
    places = ("--mirror", folder / "mirror", "--state", folder / "state")
    return run_command([HUBMIRROR, "import", bundle, *places], folder=folder)


def _have(many: Store) -> Took:
    return run_command([HUBMIRROR, "have", *many.places], folder=many.mirror.parent)


def _shell(script: str, *, before: str = "") -> Callable[[Path], float]:
    def run(folder: Path) -> float:
        if before:
            run_shell(before, folder=folder, variables=_VARIABLES)
        return run_shell(script, folder=folder, variables=_VARIABLES).seconds

    return run


def _exporting(store: Store, files: str, lacks: str) -> Case:
    plain = f"tar -C {store.mirror} -cf part.tar blobs; sync part.tar"
    wide = plain.replace("tar -C", "tar -b 512 -C")
    return Case(
        f"Export of {files}",
        "Ours: `hubmirror export`, every byte hashed against its name, parts, lists and folder "
        "synced. `tar` reads the same blobs, checks nothing, and its file is synced.",
        Contender(
            "`hubmirror export`", lambda folder: _export(store, folder / "out").seconds, lacks=lacks
        ),
        (
            Contender("`tar -b 512; fsync`", _shell(wide), 0.7),
            Contender("`tar; fsync`", _shell(plain)),
            Contender(
                "`tar -b 512; fsync; sha256sum`", _shell(f"{wide}; sha256sum part.tar >sums")
            ),
        ),
        warms_up=True,
    )


def _importing(bundle: Path, files: str, lacks: str) -> Case:
    unpack = f"for part in {bundle}/*.tar; do tar -xf $part; done"
    hashed = _SUMS.replace("sha256sum", "openssl dgst -sha256 -r").replace("-0", "-0 -P2 -n200", 1)
    return Case(
        f"Import of {files}",
        "Ours: `hubmirror import` into a new mirror, every byte hashed, all of it durable before "
        "it is published. `tar` unpacks the same parts and syncs nothing.",
        Contender(
            "`hubmirror import`", lambda folder: _import(bundle, folder).seconds, lacks=lacks
        ),
        (
            Contender("`tar -x; sha256sum`", _shell(f"{unpack}; {_SUMS}"), 1.4, lacks),
            Contender("`tar -x`", _shell(unpack), 0.5, lacks),
            Contender("`tar -x; openssl -P2`", _shell(f"{unpack}; {hashed}"), lacks=lacks),
        ),
        warms_up=True,
    )


def _round_trip(store: Store, files: str, lacks: str) -> Case:
    def ours(folder: Path) -> float:
        took = _export(store, folder / "out").seconds + _import(folder / "out", folder).seconds
        shutil.rmtree(folder / "out")
        return took

    restic = (
        f"{_RESTIC} --compression off backup {store.blobs}; "
        f"{_RESTIC} restore latest --verify --target out"
    )
    borg = (
        f"(cd {store.mirror}; borg create --compression none $HOME/repo::one blobs); "
        "cd out; borg extract ../repo::one"
    )
    rsync = f"rsync -a {store.blobs}/ out/; rsync -ac {store.blobs}/ out/"
    tar = f"tar -b 512 -C {store.mirror} -cf part.tar blobs; tar -xf part.tar; {_SUMS}"
    borg_before = "mkdir out; borg init --encryption none repo"
    restic_before = f"{_RESTIC} init"
    return Case(
        f"There and back: {files}",
        "Ours: export, then import into a new mirror. restic and borg: into a new repository that "
        "is there, without compression, and out of it. `rsync` copies once, and compares.",
        Contender("hubmirror", ours, lacks=lacks),
        (
            Contender(
                "restic, `restore --verify`",
                _shell(restic, before=restic_before),
                3.0,
                lacks_program("restic"),
            ),
            Contender("borg", _shell(borg, before=borg_before), 1.8, lacks_program("borg")),
            Contender("`rsync -a; rsync -ac`", _shell(rsync), lacks=lacks_program("rsync")),
            Contender("`tar -b 512; tar -x; sha256sum`", _shell(tar)),
        ),
        most_rounds=3,
    )


def _at_100_000(many: Store, have: Path, lacks: str) -> Sequence[Case]:
    def asking(_: Path) -> float:
        return _have(many).seconds

    def exporting(folder: Path) -> float:
        return _export(many, folder / "out", "--have", str(have)).seconds

    limit = (constant("the limit", _LIMIT_S),)
    timed = "The whole command, from its start to its end."
    return [
        Case(
            "`hubmirror have` of 100,000 blobs",
            timed,
            Contender("hubmirror", asking, lacks=lacks),
            limit,
            warms_up=True,
        ),
        Case(
            "`hubmirror export --have` of 10 new blobs among 100,000",
            timed,
            Contender("hubmirror", exporting, lacks=lacks),
            limit,
            warms_up=True,
        ),
    ]


def _memory(store: Store, bundle: Path, many: Store, have: Path, lacks: str) -> Sequence[Case]:
    def case(what: str, run: Callable[[Path], Took]) -> Case:
        return Case(
            f"Memory of {what}",
            "The peak of resident memory of the whole command, as the kernel counts it (wait4).",
            Contender("hubmirror", lambda folder: run(folder).peak_bytes / _MIB, lacks=lacks),
            (constant("the limit", _LIMIT_MIB),),
            Unit.MEBIBYTES,
            most_rounds=1,
        )

    return [
        case("an export", lambda folder: _export(store, folder / "out")),
        case("an import", lambda folder: _import(bundle, folder)),
        case("`have` of 100,000 blobs", lambda _: _have(many)),
        case(
            "`export --have` among 100,000 blobs",
            lambda folder: _export(many, folder / "out", "--have", str(have)),
        ),
    ]
