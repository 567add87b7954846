"""Git upstreams: refs, fetches and snapshots, against the real git."""
