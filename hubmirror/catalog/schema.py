"""The tables of a catalog, format 1.

Columns may be added by a newer version: a reader names the columns that it wants and never
asks for all. Digests are 32-byte BLOBs. Lists of names are JSON, for nobody searches in them.
"""

APPLICATION_ID = 0x68756D69  # "humi", for file(1)

TABLES = """
CREATE TABLE source (
    name TEXT PRIMARY KEY,
    lock TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE unit (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL REFERENCES source,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    wanted TEXT NOT NULL,
    UNIQUE (source, name)
);
CREATE TABLE repo (
    unit INTEGER PRIMARY KEY REFERENCES unit,
    title TEXT NOT NULL,
    host TEXT NOT NULL,
    path TEXT NOT NULL,
    url TEXT NOT NULL,
    default_branch TEXT NOT NULL,
    aliases TEXT NOT NULL
);
CREATE TABLE repo_name (
    host TEXT NOT NULL,
    path TEXT NOT NULL,
    unit INTEGER NOT NULL REFERENCES unit,
    PRIMARY KEY (host, path, unit)
) WITHOUT ROWID;
CREATE TABLE ref (
    unit INTEGER NOT NULL REFERENCES unit,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    PRIMARY KEY (unit, name, kind)
) WITHOUT ROWID;
CREATE TABLE snapshot (
    unit INTEGER NOT NULL REFERENCES unit,
    commit_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    entrypoints TEXT NOT NULL,
    open_ended INTEGER NOT NULL,
    dependencies TEXT NOT NULL,
    requires_torch TEXT NOT NULL,
    about BLOB NOT NULL,
    about_size_bytes INTEGER NOT NULL,
    PRIMARY KEY (unit, commit_id)
) WITHOUT ROWID;
CREATE TABLE checkpoint (
    url TEXT NOT NULL,
    unit INTEGER NOT NULL REFERENCES unit,
    canonical TEXT NOT NULL,
    redirect TEXT NOT NULL,
    digest BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    kind TEXT NOT NULL,
    globals TEXT NOT NULL,
    PRIMARY KEY (url, unit)
) WITHOUT ROWID;
CREATE INDEX checkpoint_unit ON checkpoint (unit);
CREATE INDEX checkpoint_canonical ON checkpoint (canonical);
CREATE INDEX checkpoint_redirect ON checkpoint (redirect) WHERE redirect <> '';
"""
