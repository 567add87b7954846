"""Tests of what weight files are told to be."""
