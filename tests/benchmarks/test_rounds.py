"""How contenders take turns, and what becomes of one that cannot run."""

from __future__ import annotations

from pathlib import Path

from scripts.benchmarks.cases import Case, Contender, constant
from scripts.benchmarks.rounds import RunError, measure


class Diary:
    """Contenders that write down when they ran, and in which folder."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.folders: list[Path] = []

    def contender(self, name: str) -> Contender:
        def run(folder: Path) -> float:
            assert list(folder.iterdir()) == []
            (folder / "output").touch()
            self.names.append(name)
            self.folders.append(folder)
            return float(len(self.names))

        return Contender(name, run)


def fail(_: Path) -> float:
    raise RunError("curl ended with 7: no route")


def test_everyone_runs_once_in_each_round_and_the_order_turns(tmp_path: Path) -> None:
    diary = Diary()
    case = Case("work", "", diary.contender("ours"), (diary.contender("a"), diary.contender("b")))

    measure(case, 3, tmp_path / "run")

    assert diary.names == ["ours", "a", "b", "a", "b", "ours", "b", "ours", "a"]


def test_a_run_leaves_nothing_for_the_next(tmp_path: Path) -> None:
    diary = Diary()
    case = Case("work", "", diary.contender("ours"), (diary.contender("a"),))

    measure(case, 2, tmp_path / "run")

    assert len(diary.folders) == 4
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_many_files_is_moved_aside_until_the_case_is_over(tmp_path: Path) -> None:
    seen: list[int] = []

    def write_many(folder: Path) -> float:
        seen.append(sum(1 for path in tmp_path.rglob("*.pth")))
        for number in range(500):
            (folder / f"{number}.pth").touch()
        return 1.0

    measure(Case("work", "", Contender("ours", write_many), ()), 2, tmp_path / "new" / "run")

    assert seen == [0, 500]
    assert list((tmp_path / "new").iterdir()) == []


def test_a_round_that_warms_up_does_not_count(tmp_path: Path) -> None:
    diary = Diary()
    case = Case("work", "", diary.contender("ours"), (), warms_up=True)

    result = measure(case, 2, tmp_path / "run")

    assert result.ours.values == (2.0, 3.0)


def test_a_peer_that_fails_is_named_with_its_words(tmp_path: Path) -> None:
    case = Case("work", "", Diary().contender("ours"), (Contender("curl", fail, 2.0),))

    result = measure(case, 2, tmp_path / "run")

    assert result.peers[0].lacks == "failed: curl ended with 7: no route"
    assert result.peers[0].values == ()
    assert len(result.ours.values) == 2


def test_when_ours_fails_the_result_says_so(tmp_path: Path) -> None:
    case = Case("work", "", Contender("ours", fail), (Diary().contender("curl"),))

    result = measure(case, 1, tmp_path / "run")

    assert result.has_failed


def test_a_limit_is_a_peer_that_never_varies(tmp_path: Path) -> None:
    case = Case("work", "", Diary().contender("ours"), (constant("the limit", 150),))

    result = measure(case, 2, tmp_path / "run")

    assert result.peers[0].values == (150, 150)
