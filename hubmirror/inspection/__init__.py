"""What a weight file is, told from its bytes without running or importing any of them.

``containers`` finds the pickles in a file, ``pickles`` reads what they name, ``allowlist`` says
which of these names torch loads under ``weights_only=True``.
Standard library only. Invariant: no file, however made, runs code here, takes memory without
bound, or raises: what cannot be understood is ``unreadable``.
"""

from hubmirror.inspection.containers import inspect_file

__all__ = ["inspect_file"]
