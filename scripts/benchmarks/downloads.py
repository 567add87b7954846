"""The ways to fetch files that people use by hand, and ours. Each checks sha256.

Ours ends with the files durable under their names; a peer ends so only where its name says
``fsync``. Programs are timed from outside; libraries, ours too, in a prepared process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from scripts.benchmarks.cases import Contender
from scripts.benchmarks.commands import Mirror
from scripts.benchmarks.processes import PYTHON, run_command, run_prepared, run_shell
from scripts.benchmarks.workbench import (
    PEER_PYTHON,
    lacks_module,
    lacks_program,
    write_manifest,
)
from scripts.benchmarks.workers.job import Job, Wanted


@dataclass(frozen=True, slots=True)
class Downloads:
    """Files to fetch, and the ways to do it.

    Attributes:
        ca_file: The authority to trust; empty for plain HTTP.
        connections: How many connections to the host ours may hold.
    """

    files: tuple[Wanted, ...]
    ca_file: str = ""
    connections: int = 4

    def _job(self, folder: Path) -> Job:
        return Job(str(folder), self.files, self.ca_file, self.connections)

    @property
    def _only(self) -> Wanted:
        (only,) = self.files
        return only

    @property
    def _trust(self) -> dict[str, str]:
        names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
        return dict.fromkeys(names, self.ca_file) if self.ca_file else {}

    def ours(self) -> Contender:
        """Fetch with the engine, as ``hubmirror sync`` uses it."""
        return Contender(
            "hubmirror",
            lambda folder: run_prepared(PYTHON, "ours_fetch", self._job(folder)).seconds,
        )

    def whole_sync(self) -> Contender:
        """Fetch with the command: start, manifest, index, lock, catalog, publication."""
        return Contender("`hubmirror sync`", self._sync)

    def _sync(self, folder: Path) -> float:
        mirror = Mirror(folder, self._trust)
        write_manifest(mirror.manifest, self.files)
        return mirror.sync().seconds

    def aria2c(self, connections: int, target: float | None = None) -> Contender:
        """Fetch one file with aria2c, which checks the sum itself."""
        only = self._only
        command = [
            *("aria2c", "--quiet", "--file-allocation=falloc", "--min-split-size=1M"),
            *(f"-x{connections}", f"-s{connections}", f"--checksum=sha-256={only.sha256}"),
            *([f"--ca-certificate={self.ca_file}"] if self.ca_file else []),
            *("-o", only.name, only.url),
        ]
        return Contender(
            f"`aria2c -x{connections} --checksum`",
            lambda folder: run_command(command, folder=folder).seconds,
            target,
            lacks_program("aria2c"),
        )

    def curl(self, target: float | None = None, *, is_durable: bool = True) -> Contender:
        """Fetch one file with curl, and hash it with openssl."""
        only = self._only
        trust = f"--cacert {self.ca_file}" if self.ca_file else ""
        return self._fetch_and_hash(
            "curl", f"curl -sSf {trust} -o {only.name} {only.url}", target, is_durable=is_durable
        )

    def wget(self, target: float | None = None) -> Contender:
        """Fetch one file with wget, and hash it with openssl."""
        only = self._only
        trust = f"--ca-certificate={self.ca_file}" if self.ca_file else ""
        script = f"wget -q {trust} -O {only.name} {only.url}"
        return self._fetch_and_hash("wget", script, target, is_durable=False)

    def _fetch_and_hash(
        self, program: str, fetch: str, target: float | None, *, is_durable: bool
    ) -> Contender:
        only = self._only
        script = f"{fetch}; openssl dgst -sha256 -r {only.name} | grep -q {only.sha256}"
        if is_durable:
            script += f"; sync {only.name}"
        return Contender(
            f"`{program}; openssl{'; fsync' if is_durable else ''}`",
            lambda folder: run_shell(script, folder=folder).seconds,
            target,
            lacks_program(program, "openssl"),
        )

    def curl_parallel(self, target: float | None = None) -> Contender:
        """Fetch many files with eight connections of one curl, and hash with two openssl."""
        return Contender(
            "`curl -Z; openssl -P2`", self._curl_parallel, target, lacks_program("curl", "openssl")
        )

    def _curl_parallel(self, folder: Path) -> float:
        config = "".join(f'url = "{one.url}"\noutput = "{one.name}"\n' for one in self.files)
        (folder / "curl.txt").write_text(config)
        sums = sorted(f"{one.sha256} *{one.name}\n" for one in self.files)
        (folder / "sums.txt").write_text("".join(sums))
        script = (
            "curl -sSf -Z --parallel-max 8 -K curl.txt; "
            "ls | grep pth$ | xargs -P2 -n50 openssl dgst -sha256 -r | LC_ALL=C sort "
            "| cmp - sums.txt"
        )
        return run_shell(script, folder=folder).seconds

    def torch_hub(self, target: float | None = None, *, is_durable: bool) -> Contender:
        """Fetch with ``torch.hub.download_url_to_file`` and the whole hash as its prefix."""
        one = "torch.hub.download_url_to_file" if len(self.files) == 1 else "torch.hub loop"
        name = one + (" + fsync" if is_durable else "")
        return self._library(name, "torch_hub", PYTHON, "torch", target, is_durable=is_durable)

    def pooch(self, target: float | None = None) -> Contender:
        """Fetch with ``pooch.retrieve``."""
        return self._library("pooch", "pooch_retrieve", PEER_PYTHON, "pooch", target)

    def hf_http_get(self, target: float | None = None) -> Contender:
        """Fetch with the downloader of huggingface_hub."""
        name = "huggingface_hub http_get + sha256"
        return self._library(name, "hf_http_get", PEER_PYTHON, "huggingface_hub", target)

    def _library(
        self,
        name: str,
        worker: str,
        python: Path,
        module: str,
        target: float | None,
        *,
        is_durable: bool = False,
    ) -> Contender:
        def run(folder: Path) -> float:
            job = replace(self._job(folder), is_durable=is_durable)
            return run_prepared(python, worker, job, variables=self._trust).seconds

        return Contender(name, run, target, lacks_module(python, module))
