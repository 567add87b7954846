"""Tests of rehearsals: real loads in real sandboxes, as few as will do."""
