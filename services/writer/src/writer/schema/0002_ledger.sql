-- The ledger: what became of each accepted event (docs/ledger.md, docs/adr/0011-the-ledger.md). Written by the auditor
-- alone. Every table may be written twice with the same rows: its sort key makes them count once, with FINAL.
CREATE TABLE IF NOT EXISTS ledger_raw
(
    minute        DateTime('UTC') COMMENT 'of acceptance by the collector',
    raw_partition Int32,
    raw_offset    Int64,
    raw_index     Int32           COMMENT '-1 for a record that is no message',
    raw_log       UInt32          COMMENT 'tells a topic from one of the same name that was created anew',
    website_id    LowCardinality(String),
    event_name    LowCardinality(String),
    identity_day  Date,
    event_id      UUID            COMMENT 'nil where none could be read',
    read_at       DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(read_at)
ORDER BY (minute, raw_partition, raw_offset, raw_index, raw_log)
TTL read_at + INTERVAL 3 DAY DELETE
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS ledger_rejected
(
    raw_partition    Int32 COMMENT 'where the event stood on the raw topic; -1 where that could not be read',
    raw_offset       Int64,
    raw_index        Int32 COMMENT '-1 for a whole record',
    stage            Enum8('unspecified' = 0, 'enricher' = 1, 'writer' = 2),
    reason           LowCardinality(String),
    website_id       LowCardinality(String),
    event_id         UUID  COMMENT 'nil where none could be read',
    source_topic     LowCardinality(String),
    source_partition Int32,
    source_offset    Int64,
    source_index     Int32,
    minute           DateTime('UTC') COMMENT 'of the rejection',
    read_at          DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY (raw_partition, raw_offset, raw_index, stage, website_id, event_id, source_topic, source_partition, source_offset)
TTL read_at + INTERVAL 14 DAY DELETE;

-- One row for each partition of the raw topic: which log it is now, and up to where every event is settled.
CREATE TABLE IF NOT EXISTS ledger_logs
(
    raw_partition  Int32,
    raw_log        UInt32,
    settled_log    UInt32,
    settled_offset Int64,
    updated_at     DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY raw_partition;

-- Records of the raw topic that were removed before the enricher read them.
CREATE TABLE IF NOT EXISTS ledger_expired
(
    raw_partition Int32,
    raw_log       UInt32,
    first_offset  Int64,
    end_offset    Int64  COMMENT 'the first one that is not among them',
    unread        UInt64 COMMENT 'records of them that the auditor had not read either, so that nobody knows their events',
    minute        DateTime('UTC') COMMENT 'of the discovery'
)
ENGINE = ReplacingMergeTree
ORDER BY (raw_partition, raw_log, first_offset)
TTL minute + INTERVAL 14 DAY DELETE;

-- The result: for each minute of acceptance and stage, events by outcome.
CREATE TABLE IF NOT EXISTS ledger_minutes
(
    minute      DateTime('UTC'),
    stage       Enum8('raw' = 1, 'enricher' = 2, 'writer' = 3),
    outcome     LowCardinality(String),
    events      UInt64,
    computed_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (minute, stage, outcome)
TTL minute + INTERVAL 90 DAY DELETE
