CREATE TABLE objectstore_buckets (
    name    TEXT    NOT NULL PRIMARY KEY,
    region  TEXT    NOT NULL,
    created BIGINT  NOT NULL
);

CREATE TABLE objectstore_settings (
    bucket TEXT NOT NULL,
    kind   TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (bucket, kind)
);

CREATE TABLE objectstore_objects (
    bucket     TEXT   NOT NULL REFERENCES objectstore_buckets (name),
    object_key BLOB   NOT NULL,
    size       BIGINT NOT NULL,
    etag       TEXT   NOT NULL,
    modified   BIGINT NOT NULL,
    headers    TEXT   NOT NULL,
    metadata   TEXT   NOT NULL,
    algorithm  TEXT   NOT NULL,
    checksum   TEXT   NOT NULL,
    file       TEXT   NOT NULL,
    body       BLOB,
    PRIMARY KEY (bucket, object_key)
);

CREATE INDEX objectstore_objects_file ON objectstore_objects (file) WHERE file <> '';

CREATE TABLE objectstore_uploads (
    id         TEXT   NOT NULL PRIMARY KEY,
    bucket     TEXT   NOT NULL REFERENCES objectstore_buckets (name),
    object_key BLOB   NOT NULL,
    created    BIGINT NOT NULL,
    headers    TEXT   NOT NULL,
    metadata   TEXT   NOT NULL
);

CREATE INDEX objectstore_uploads_key ON objectstore_uploads (bucket, object_key);

CREATE TABLE objectstore_parts (
    upload   TEXT   NOT NULL REFERENCES objectstore_uploads (id),
    number   BIGINT NOT NULL,
    size     BIGINT NOT NULL,
    etag     TEXT   NOT NULL,
    modified BIGINT NOT NULL,
    file     TEXT   NOT NULL,
    body     BLOB,
    PRIMARY KEY (upload, number)
);

CREATE INDEX objectstore_parts_file ON objectstore_parts (file) WHERE file <> '';
