"""What a person brings: files grouped into bundles by their roots, as far as they are believed.

Owns: the order in which a part is believed: its root, the policy for signatures, the rest of its
head. Knows nothing of mirrors. A file that cannot be believed is a fault with its name, so that
one bad disc hides nothing about the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hubmirror.carry import names
from hubmirror.carry.format import Root
from hubmirror.carry.reading import Head, PartFile, SignedRoot
from hubmirror.carry.signatures import judge
from hubmirror.errors import RefusedError, VerificationError
from hubmirror.publications import Publication
from hubmirror.records import Digest
from hubmirror.settings import Settings, SignaturePolicy


@dataclass(frozen=True, slots=True)
class PartFault:
    """What is wrong with one file.

    Attributes:
        file: The file.
        number: Which part it is, or should be by its name; 0 where that is not known.
        message: What was expected and what was got; names the file and the member.
        more: How many further faults it has.
    """

    file: Path
    number: int
    message: str
    more: int = 0


@dataclass(frozen=True, slots=True)
class Offered:
    """A file that is believed to be a part, as far as its head tells."""

    path: Path
    number: int


@dataclass(slots=True)
class Offer:
    """One bundle, or what was brought of it.

    Attributes:
        root: Its root.
        publication: What it carries.
        publication_content: The bytes of that.
        parts: Files whose heads are sound, by their numbers; a part may be there twice.
        faults: Files of it that are not.
        warnings: What its signatures leave to be desired.
        signer: Who signed it, where that is known.
    """

    root: Root
    publication: Publication
    publication_content: bytes
    parts: list[Offered] = field(default_factory=list)
    faults: list[PartFault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    signer: str = ""


@dataclass(slots=True)
class Offers:
    """All that was brought: bundles in the order in which they should be taken in.

    Attributes:
        faults: Files of which not even the bundle is known.
        refused: Why bundles are kept out by the policy for signatures.
    """

    bundles: list[Offer] = field(default_factory=list)
    faults: list[PartFault] = field(default_factory=list)
    refused: list[RefusedError] = field(default_factory=list)


def read_offers(paths: Iterable[Path], settings: Settings) -> Offers:
    """Read the head of every file."""
    reader = _Reader(settings)
    for path in paths:
        reader.read(path)
    return reader.offers()


class _Reader:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bundles: dict[Digest, Offer] = {}
        self._orphans: list[tuple[Digest | None, PartFault]] = []
        self._refused: dict[Digest | None, RefusedError] = {}

    def read(self, path: Path) -> None:
        bundle: Digest | None = None
        try:
            with PartFile(path) as part:
                signed = part.read_root()
                bundle = signed.root.bundle
                warning, signer = judge_root(self._settings, signed, path)
                head = part.read_head(signed)
        except RefusedError as error:
            self._refused.setdefault(bundle, error)
        except VerificationError as error:
            self._orphans.append((bundle, PartFault(path, _number(path), error.message)))
        else:
            offer = self._offer(head)
            offer.parts.append(Offered(path, head.listed.number))
            offer.signer = signer
            if warning and warning not in offer.warnings:
                offer.warnings.append(warning)

    def _offer(self, head: Head) -> Offer:
        root = head.signed.root
        made = Offer(root, head.publication, head.publication_content)
        return self._bundles.setdefault(root.bundle, made)

    def offers(self) -> Offers:
        """Return what was read; a fault belongs to the bundle that its root or name says."""
        ordered = sorted(
            self._bundles.values(), key=lambda one: (one.root.origin, one.root.sequence)
        )
        found = Offers(ordered, refused=list(self._refused.values()))
        by_name = {offer.root.name: offer for offer in ordered}
        for bundle, fault in self._orphans:
            named = names.parse_part_name(fault.file.name.lower())
            offer = self._bundles.get(bundle) if bundle else None
            offer = offer or (by_name.get(named[0]) if named else None)
            (offer.faults if offer else found.faults).append(fault)
        return found


def judge_root(settings: Settings, signed: SignedRoot, path: Path) -> tuple[str, str]:
    """Hold the policy for signatures against a root; return a warning, and who signed it.

    Raises:
        RefusedError: when the policy wants a signature that is not there, or is not good.
    """
    if signed.signature is None and settings.signatures is SignaturePolicy.REQUIRE:
        raise RefusedError(
            f"{path}: not signed, and this machine requires signatures",
            hint="ask whoever made the bundle to `export --sign KEY`",
        )
    where = f"{path}: its signature is not accepted"
    try:
        found = judge(settings, signed.content, signed.signature, where=where)
    except VerificationError as error:
        raise RefusedError(error.message, hint=error.hint) from error
    return found.warning, found.signer


def _number(path: Path) -> int:
    named = names.parse_part_name(path.name.lower())
    return named[1] if named else 0
