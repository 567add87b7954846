"""Scans of small repos that are written as strings; none of their code is run."""
