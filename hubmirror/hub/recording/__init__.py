"""The child's side of a trace: the same hooks, asking the parent in the place of a mirror.

``messages`` says what is asked and answered, ``channel`` carries it, ``shelf`` asks, ``places``
knows whose code asked, ``watching`` sees what nobody asks for, ``calling`` is what the child of a
traced entrypoint runs. The parent reads ``messages`` and nothing else of this.

Standard library only; no network, and no secret, is needed on this side.
"""
