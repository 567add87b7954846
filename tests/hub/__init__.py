"""Tests of the offline half, against real mirrors and a real torch."""
