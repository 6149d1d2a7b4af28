-- One row per copy of an event. Copies of an event have the same sort key, and every reader uses FINAL across
-- partitions, so each event is counted once whatever was written how often (DESIGN section 3, "Once, by construction").
CREATE TABLE IF NOT EXISTS events
(
    website_id         LowCardinality(String),
    event_name         LowCardinality(String) COMMENT 'empty for a page view',
    identity_day       Date                   COMMENT 'UTC day of the timestamp as the client sent it',
    event_id           UUID,
    event_type         Enum8('custom' = 1, 'pageview' = 2),
    timestamp          DateTime64(3, 'UTC')   COMMENT 'when it happened',
    received_at        DateTime64(3, 'UTC')   COMMENT 'when the collector accepted it',
    version            UInt64                 COMMENT 'the highest wins: revision, then the copy accepted first',
    visitor_id         String                 COMMENT 'empty when unknown',
    session_id         UUID                   COMMENT 'nil when there is no visitor',
    session_started_at DateTime64(3, 'UTC'),
    url                String,
    host               LowCardinality(String),
    path               String,
    query              String,
    referrer_url       String,
    referrer_domain    LowCardinality(String),
    utm_source         LowCardinality(String),
    utm_medium         LowCardinality(String),
    utm_campaign       LowCardinality(String),
    utm_term           LowCardinality(String),
    utm_content        LowCardinality(String),
    country            LowCardinality(String),
    region             LowCardinality(String),
    city               LowCardinality(String),
    browser            LowCardinality(String),
    browser_version    LowCardinality(String),
    os                 LowCardinality(String),
    os_version         LowCardinality(String),
    device_type        LowCardinality(String),
    language           LowCardinality(String),
    screen_width       UInt16,
    screen_height      UInt16,
    event_data         String                 COMMENT 'JSON text as sent, empty when there is none',
    property_keys      Array(LowCardinality(String)) COMMENT 'dotted paths; same length as property_values',
    property_values    Array(String),
    rules_version      UInt32,
    agent_rules        LowCardinality(String),
    geo_database       LowCardinality(String),
    raw_partition      Int32,
    raw_offset         Int64,
    raw_index          Int32,
    enriched_partition Int32,
    enriched_offset    Int64,
    INDEX timestamp_range timestamp TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(received_at)
ORDER BY (website_id, event_name, identity_day, event_id)
SETTINGS non_replicated_deduplication_window = 1000
