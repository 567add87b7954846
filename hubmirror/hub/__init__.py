"""The offline half: torch.hub answered from a mirror, with the network denied.

From the outside in:

- ``loading``: what users call. ``scope``: who is served at the moment, and from what.
- ``hooks``: which functions are answered. ``interception`` and ``trampolines`` put the answers
  in and take them out again.
- ``repos`` and ``weights``: the answers. ``requirements``: what a repo needs of this machine.
- ``guard`` and ``commands``: refuse what was not answered; ``reach``: what is near all the same.
- ``supply``: one publication as this node reads it; under it ``views``, ``unpacking``,
  ``legacy``, ``verification`` and ``cache``.

Standard library and torch only; torch comes in by ``torch_door``.
"""
