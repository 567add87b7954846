"""The command line: one file for each command, which parses, calls one use case and renders.

Results go to stdout, progress and errors to stderr; ``--json`` puts one document on stdout.
"""
