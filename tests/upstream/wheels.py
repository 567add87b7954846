"""Real weights of real models, found inside packages from PyPI.

Owns: which packages, at which versions, and where their weights lie. Imports none of them: two
need a torchvision that may not work here. Invariant: a file that is given out exists.
"""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package at the version whose files the tests know."""

    name: str
    version: str


LPIPS = Wheel("lpips", "0.1.4")
FACENET = Wheel("facenet-pytorch", "2.6.0")
SILERO = Wheel("silero-vad", "6.2.3")
PESTO = Wheel("pesto-pitch", "2.0.1")
OMEGACONF = Wheel("omegaconf", "2.4.0")
"""Not weights: the classes inside one of pesto's checkpoints. Needs PyYAML."""

WHEELS = (LPIPS, FACENET, SILERO, PESTO, OMEGACONF)


def missing_packages(*wheels: Wheel) -> list[str]:
    """What to install, as `name==version`, without dependencies, before these can be used.

    Without arguments all are looked for. An empty answer means that nothing is missing.
    """
    return [f"{one.name}=={one.version}" for one in wheels or WHEELS if not _is_installed(one)]


def weights_file(wheel: Wheel, path: str) -> Path:
    """A file inside an installed package.

    Raises:
        FileNotFoundError: the package has no such file.
        PackageNotFoundError: the package is absent.
    """
    found = Path(str(distribution(wheel.name).locate_file(path)))
    if not found.is_file():
        message = f"{wheel.name}: has no {path}"
        raise FileNotFoundError(message)
    return found


def _is_installed(wheel: Wheel) -> bool:
    try:
        return distribution(wheel.name).version == wheel.version
    except PackageNotFoundError:
        return False
