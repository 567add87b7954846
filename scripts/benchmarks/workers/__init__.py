"""What runs in a prepared process: one module for each library, ours among them.

A worker imports all that it needs, says ``ready``, waits for a line, works, and prints the
seconds that it took. It runs in the environment that has its library, so nothing else of
``scripts`` is imported here.
"""
