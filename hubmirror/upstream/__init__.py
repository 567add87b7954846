"""Upstreams: git hosts and the hosts of weights, each asked through one library."""
