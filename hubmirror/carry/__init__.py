"""Carries publications across an air gap: bundles out, bundles in, and receipts back.

``format`` and ``members`` are the values of a bundle, ``names`` the files and members that it
consists of, ``tar`` the container. Needs the standard library only, for the far side may have
nothing else.
"""
