"""Mirror PyTorch Hub across an air gap."""
