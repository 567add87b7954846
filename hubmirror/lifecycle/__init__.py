"""Living with a mirror for years: what is kept, taken away, marked and gone back to.

Each use case here takes a lock of ``writer``, reads what readers see, changes that in the order
of ``publish`` or against it, and writes it down in ``audit``. Standard library only.
"""
