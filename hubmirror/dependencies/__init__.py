"""What the mirrored repos need of Python's packages, against what a node has.

``gathering`` says what is needed, ``freeze`` reads what a node has, ``judging`` compares, and
``writing`` makes a requirements file of it. Versions and specifiers are those of ``packaging``,
which is imported nowhere else.
"""
