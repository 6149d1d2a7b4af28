-- What was asked to be forgotten (docs/erasure.md, docs/adr/0018-erasure.md). Every table may be written twice with the
-- same rows: its sort key makes them count once, with FINAL. Nothing is taken out of them: they keep copies away.
CREATE TABLE IF NOT EXISTS erasures
(
    website_id   LowCardinality(String),
    erasure_id   UUID,
    requested_at DateTime64(3, 'UTC'),
    covers_until DateTime64(3, 'UTC') COMMENT 'latest acceptance of events that are meant by their visitor',
    visitors     UInt32               COMMENT 'visitor ids in the request',
    events       UInt32               COMMENT 'event ids in the request',
    stage        UInt8                COMMENT '1: it is being carried out, 2: it is done',
    at           DateTime64(3, 'UTC') COMMENT 'when it came to this stage'
)
ENGINE = ReplacingMergeTree(stage)
ORDER BY (website_id, erasure_id);

CREATE TABLE IF NOT EXISTS erased_visitors
(
    website_id   LowCardinality(String),
    visitor_id   String,
    erasure_id   UUID,
    covers_until DateTime64(3, 'UTC'),
    raw_ends     Map(Int32, Int64) COMMENT 'ends of the raw topic at the time of the request, by partition'
)
ENGINE = ReplacingMergeTree
ORDER BY (website_id, visitor_id, erasure_id);

CREATE TABLE IF NOT EXISTS erased_events
(
    website_id LowCardinality(String),
    event_id   UUID,
    erasure_id UUID,
    seen       UInt8 COMMENT '1: a copy was stored or came in, 0: it was only asked for',
    at         DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(seen)
ORDER BY (website_id, event_id, erasure_id);

-- Statements that copy rows of `events` into it (a replay that is applied): no erasure is done while one of them runs.
CREATE TABLE IF NOT EXISTS event_rewrites
(
    rewrite_id UUID,
    stage      UInt8          COMMENT '1: it may be running, 2: it has ended',
    ends_by    DateTime('UTC') COMMENT 'the engine ends it by then, whatever became of who began it'
)
ENGINE = ReplacingMergeTree(stage)
ORDER BY rewrite_id
TTL ends_by + INTERVAL 30 DAY DELETE;

-- Retention of websites (docs/websites.md). Answers hide what is too old at once; this frees the disk, at least a day later.
-- A DateTime ends in 2106 and would begin anew, a DateTime64 in 2299: hence the least(). A TTL knows no ALIAS: what stands
-- in it is `timestamp` written out.
ALTER TABLE events ADD COLUMN IF NOT EXISTS retention_days UInt16 DEFAULT 0 COMMENT '0: no limit' CODEC(ZSTD(1));

ALTER TABLE events
    MODIFY TTL least(
        fromUnixTimestamp64Milli(
            toInt64(if(
                bitAnd(event_id_high, 61440) = 28672 AND bitShiftRight(event_id_low, 62) = 2
                    AND toUInt64(bitShiftRight(event_id_high, 16) - toUInt64(identity_day) * 86400000) < 86400000,
                bitShiftRight(event_id_high, 16),
                toUInt64(identity_day) * 86400000
            )) + timestamp_offset,
            'UTC'
        ),
        toDateTime64('2190-01-01 00:00:00', 3, 'UTC')
    ) + toIntervalDay(retention_days + 1) DELETE WHERE retention_days > 0
    SETTINGS materialize_ttl_after_modify = 0
