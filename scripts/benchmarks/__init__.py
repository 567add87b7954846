"""Measures hubmirror against what people use by hand, in one run on one machine.

``README.md`` in this folder says how it is built and how a case is added.
"""
