-- One row per copy of an event. Copies of an event have the same sort key, and every reader uses FINAL across
-- partitions, so each event is counted once whatever was written how often (docs/adr/0002-identity-and-once.md).
--
-- Readers use the names of an enriched event; those that are ALIAS cost next to nothing to work out and no byte to keep
-- (docs/adr/0016-the-events-table.md has the figures). Times are kept as their distance from `id_time`, what the sort
-- key says of the time: that of a UUIDv7 of the identity day, else the beginning of that day.
CREATE TABLE IF NOT EXISTS events
(
    website_id         LowCardinality(String),
    event_name         LowCardinality(String) COMMENT 'empty for a page view',
    identity_day       Date                   COMMENT 'UTC day of the timestamp as the client sent it' CODEC(Delta, ZSTD(1)),
    event_id_high      UInt64                 COMMENT 'first half of event_id: ids of version 7 stand in the order of time' CODEC(T64('bit'), ZSTD(1)),
    event_id_low       UInt64                 COMMENT 'second half of event_id' CODEC(T64('bit')),
    event_type         Enum8('custom' = 1, 'pageview' = 2) CODEC(ZSTD(1)),
    timestamp_offset   Int64                  COMMENT 'milliseconds from id_time to timestamp' CODEC(T64, ZSTD(1)),
    copy_rank          UInt64                 COMMENT 'the highest copy wins: revision in 16 bits, then 2^47 - 1 - (received_at - id_time) in 48, so the one accepted first' CODEC(T64, ZSTD(1)),
    visitor_id         LowCardinality(String) COMMENT 'empty when unknown' CODEC(ZSTD(1)),
    visitor_source     Enum8('unspecified' = 0, 'client' = 1, 'hash' = 2, 'none' = 3, 'salt_gone' = 4, 'withheld' = 5) CODEC(ZSTD(1)),
    session_id         UUID                   COMMENT 'nil when there is no visitor; its first 48 bits are the start' CODEC(ZSTD(1)),
    session_start_offset Int64                COMMENT 'milliseconds from the time in session_id to session_started_at' CODEC(T64, ZSTD(1)),
    host               LowCardinality(String) CODEC(ZSTD(1)),
    path               LowCardinality(String) CODEC(ZSTD(1)),
    query              String                 CODEC(ZSTD(1)),
    other_url          String                 COMMENT 'url, where it is not https, host, path and query put together' CODEC(ZSTD(1)),
    referrer_url       LowCardinality(String) CODEC(ZSTD(1)),
    referrer_domain    LowCardinality(String) CODEC(ZSTD(1)),
    utm_source         LowCardinality(String) CODEC(ZSTD(1)),
    utm_medium         LowCardinality(String) CODEC(ZSTD(1)),
    utm_campaign       LowCardinality(String) CODEC(ZSTD(1)),
    utm_term           LowCardinality(String) CODEC(ZSTD(1)),
    utm_content        LowCardinality(String) CODEC(ZSTD(1)),
    click_id           LowCardinality(String) COMMENT 'name of the click id parameter, such as gclid' CODEC(ZSTD(1)),
    campaign_inherited Bool                   COMMENT 'whether the campaign is that of the session' CODEC(T64, ZSTD(1)),
    channel            LowCardinality(String) CODEC(ZSTD(1)),
    place              LowCardinality(String) COMMENT 'country, region, city' CODEC(ZSTD(1)),
    device             LowCardinality(String) COMMENT 'browser, browser_version, os, os_version, device_type, screen_width, screen_height' CODEC(ZSTD(1)),
    bot_kind           Enum8('none' = 0, 'crawler' = 1, 'headless' = 2, 'library' = 3) CODEC(ZSTD(1)),
    bot_name           LowCardinality(String) CODEC(ZSTD(1)),
    language           LowCardinality(String) CODEC(ZSTD(1)),
    property_keys      Array(LowCardinality(String)) COMMENT 'dotted paths' CODEC(ZSTD(1)),
    property_types     Array(Enum8('' = 0, 'string' = 1, 'number' = 2, 'boolean' = 3, 'array' = 4)) CODEC(ZSTD(1)),
    property_values    Array(LowCardinality(String)) COMMENT 'text of strings, JSON of all others' CODEC(ZSTD(3)),
    event_shape        LowCardinality(String) COMMENT 'JSON of event_data with the byte 0 for each property' CODEC(ZSTD(1)),
    other_event_data   String                 COMMENT 'event_data, where shape and properties do not tell it' CODEC(ZSTD(3)),
    rules_version      UInt32                 CODEC(ZSTD(1)),
    agent_rules        LowCardinality(String) CODEC(ZSTD(1)),
    geo_database       LowCardinality(String) CODEC(ZSTD(1)),
    raw_partition      Int32                  CODEC(T64, ZSTD(1)),
    raw_offset         Int64                  CODEC(T64('bit'), ZSTD(1)),
    raw_index          Int32                  CODEC(T64, ZSTD(1)),
    enriched_partition Int32                  CODEC(T64, ZSTD(1)),
    enriched_offset    Int64                  CODEC(T64('bit'), ZSTD(1)),

    event_id UUID ALIAS reinterpretAsUUID(bitOr(bitShiftLeft(toUInt128(event_id_low), 64), toUInt128(event_id_high))),
    id_time UInt64 ALIAS if(
        bitAnd(event_id_high, 61440) = 28672 AND bitShiftRight(event_id_low, 62) = 2
            AND toUInt64(bitShiftRight(event_id_high, 16) - toUInt64(identity_day) * 86400000) < 86400000,
        bitShiftRight(event_id_high, 16),
        toUInt64(identity_day) * 86400000
    ) COMMENT 'Unix milliseconds',
    timestamp DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(id_time) + timestamp_offset, 'UTC')
        COMMENT 'when it happened',
    received_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(
        toInt64(id_time) + 140737488355327 - toInt64(bitAnd(copy_rank, 281474976710655)), 'UTC'
    ) COMMENT 'when the collector accepted it',
    version UInt64 ALIAS copy_rank + 140737488355328 - id_time
        COMMENT 'the highest wins: revision in 16 bits, then 2^48 - 1 - received_at in 48',
    session_started_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(
        toInt64(bitShiftRight(toUInt128(session_id), 80)) + session_start_offset, 'UTC'
    ),
    url String ALIAS multiIf(
        other_url != '', other_url,
        host = '', '',
        concat('https://', host, path, if(query = '', '', '?'), query)
    ),
    country         LowCardinality(String) ALIAS substringIndex(place, char(31), 1),
    region          LowCardinality(String) ALIAS substringIndex(substringIndex(place, char(31), 2), char(31), -1),
    city            LowCardinality(String) ALIAS substringIndex(place, char(31), -1),
    browser         LowCardinality(String) ALIAS substringIndex(device, char(31), 1),
    browser_version LowCardinality(String) ALIAS substringIndex(substringIndex(device, char(31), 2), char(31), -1),
    os              LowCardinality(String) ALIAS substringIndex(substringIndex(device, char(31), 3), char(31), -1),
    os_version      LowCardinality(String) ALIAS substringIndex(substringIndex(device, char(31), 4), char(31), -1),
    device_type     LowCardinality(String) ALIAS substringIndex(substringIndex(device, char(31), 5), char(31), -1),
    screen_width    UInt16 ALIAS toUInt16OrZero(substringIndex(substringIndex(device, char(31), 6), char(31), -1)),
    screen_height   UInt16 ALIAS toUInt16OrZero(substringIndex(device, char(31), -1)),
    event_data String ALIAS if(
        event_shape = '',
        other_event_data,
        arrayStringConcat(arrayMap(
            (piece, value) -> concat(piece, value),
            arrayResize(splitByChar(char(0), toString(event_shape)), length(property_values) + 1),
            arrayPushBack(arrayMap(
                (type, value) -> if(type = 'string', toJSONString(value), value), property_types, property_values
            ), '')
        ))
    ) COMMENT 'JSON text with the meaning and the order of what was sent, empty when there is none',
    INDEX timestamp_range timestamp TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(copy_rank)
-- A week of any year, told by the sort key alone: all copies of an event lie in one partition, so FINAL compares within each
-- and leaves the weeks that get nothing new alone. Whatever days clients send, there are 53 (docs/adr/0024-weeks.md).
PARTITION BY toISOWeek(identity_day)
ORDER BY (website_id, event_name, identity_day, event_id_high, event_id_low)
SETTINGS
    non_replicated_deduplication_window = 1000,
    -- Parts that are a day old become one, week by week: FINAL then has nothing to compare. A merged part is young
    -- again, so no row is written anew for it more than once a day, and a week in one part is left alone.
    min_age_to_force_merge_seconds = 86400,
    min_age_to_force_merge_on_partition_only = 0
