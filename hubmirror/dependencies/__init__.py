"""What the mirrored repos need of Python's packages, against what a node has.

``gathering`` says what is needed, with the versions that ``stated`` finds; ``freeze`` reads what
a node has, ``judging`` compares, and ``writing`` makes a requirements file of it, in which
``joining`` brings the wishes of several repos together. Versions and specifiers are those of
``packaging``, which is imported nowhere else.
"""
