"""What people write: the YAML manifest, its JSON Schema, and the lock beside it.

``reading`` turns YAML into ``records.Manifest``; ``lock`` needs the standard library only.
Nothing is imported here, so that who wants a lock does not pay for PyYAML and pydantic.
"""
