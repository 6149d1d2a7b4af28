-- What `eventrail rejected replay` did: one row `intended` before an event is sent, one row `sent` after the broker
-- acknowledged it. Rows are only ever added. One that has no `sent` row may have been sent or not.
CREATE TABLE IF NOT EXISTS rejected_replays
(
    at                 DateTime64(3, 'UTC')   COMMENT 'when this row was written',
    outcome            Enum8('intended' = 1, 'sent' = 2),
    replay_id          UUID                   COMMENT 'one run of the command',
    os_user            LowCardinality(String) COMMENT 'who ran it',
    host               LowCardinality(String) COMMENT 'where it ran',
    software_version   LowCardinality(String) COMMENT 'of the command',
    rejected_partition Int32                  COMMENT 'address on eventrail.rejected.v1',
    rejected_offset    Int64                  COMMENT 'address on eventrail.rejected.v1',
    rejected_at        DateTime64(3, 'UTC'),
    stage              LowCardinality(String) COMMENT 'who had rejected it',
    reason             LowCardinality(String) COMMENT 'why it had been rejected',
    source_topic       LowCardinality(String) COMMENT 'where the rejected bytes stood',
    source_partition   Int32,
    source_offset      Int64,
    source_index       Int32                  COMMENT 'place of the event in its chunk; 0 without chunks',
    original_digest    String                 COMMENT 'SHA-256 of the rejected bytes, hexadecimal',
    patch_digest       String                 COMMENT 'SHA-256 of the patch file, hexadecimal; empty without a patch',
    website_id         LowCardinality(String) COMMENT 'identity of the event as it was sent, with the next three',
    event_name         LowCardinality(String),
    identity_day       Date,
    event_id           UUID,
    topic              LowCardinality(String) COMMENT 'where it was sent',
    partition          Int32                  COMMENT '-1 while it is not known',
    offset             Int64                  COMMENT '-1 while it is not known'
)
ENGINE = MergeTree
ORDER BY (source_topic, source_partition, source_offset, source_index, at)
