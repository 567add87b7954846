"""Carries publications across an air gap: bundles out, bundles in, and receipts back.

Needs the standard library only, for the far side may have nothing else.
"""
