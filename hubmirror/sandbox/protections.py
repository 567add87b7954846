"""Which protections hold a child, so that nobody believes in more than there was."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Protections:
    """What the kernel held a child to, beside its folders and its clean environment.

    Attributes:
        landlock: The version of Landlock that refused writes elsewhere; 0 for none.
        refuses_tcp: True where Landlock refused TCP connections as well.
        mounts: True where all other folders were mounted read-only.
        network_namespace: True where there was no network to reach.
    """

    landlock: int = 0
    refuses_tcp: bool = False
    mounts: bool = False
    network_namespace: bool = False

    @property
    def guard_writes(self) -> bool:
        """Whether a write outside of the folders would have failed."""
        return self.landlock > 0 or self.mounts

    @property
    def guard_network(self) -> bool:
        """Whether native code, too, was kept from the network."""
        return self.refuses_tcp or self.network_namespace

    def __str__(self) -> str:
        """Say it in a few words, what is not there included."""
        writes = [f"Landlock {self.landlock}"] if self.landlock else []
        writes += ["read-only mounts"] if self.mounts else []
        network = ["a network namespace"] if self.network_namespace else []
        network += ["Landlock (TCP)"] if self.refuses_tcp else []
        return (
            f"writes elsewhere refused by {' and '.join(writes) or 'nobody'}; "
            f"network refused by {' and '.join(network) or 'nobody'}"
        )
