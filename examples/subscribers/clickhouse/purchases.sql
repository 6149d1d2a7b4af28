-- The enriched topic in a ClickHouse of your own, by its Kafka engine; each event counts once.
--
--     cp proto/eventrail/v1/enriched.proto /var/lib/clickhouse/format_schemas/
--     clickhouse-client --multiquery < purchases.sql
--
-- Two places are yours: the brokers, and the group, whose name begins with that of your user. Who keeps events also reads
-- eventrail.erasures.v1 and deletes what it says (docs/subscribe.md, Erasure); that is not shown here.
CREATE TABLE enriched_queue
(
    website_id String,
    event_id UUID,
    event_name String,
    timestamp_ms Int64,
    received_at_ms Int64,
    identity_day Int32,
    event_data String,
    visitor_id String,
    geo Tuple(country String, region String, city String)
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = 'localhost:9092',
    kafka_topic_list = 'eventrail.enriched.v1',
    kafka_group_name = 'team-x-clickhouse',
    kafka_format = 'ProtobufSingle',
    kafka_schema = 'enriched.proto:EnrichedEvent',
    -- A record that is no event goes to the errors below, and does not stop the line.
    kafka_handle_error_mode = 'stream';

-- Copies have the same sort key: website, name, day and id. Of these the one that was accepted first stays, so the
-- version counts down.
CREATE TABLE events
(
    website_id LowCardinality(String),
    event_name LowCardinality(String),
    identity_day Date32,
    event_id UUID,
    timestamp DateTime64(3, 'UTC'),
    visitor_id String,
    country LowCardinality(String),
    event_data String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (website_id, event_name, identity_day, event_id);

CREATE MATERIALIZED VIEW enriched_to_events TO events AS
SELECT
    website_id,
    event_name,
    toDate32(identity_day) AS identity_day,
    event_id,
    fromUnixTimestamp64Milli(timestamp_ms, 'UTC') AS timestamp,
    visitor_id,
    geo.country AS country,
    event_data,
    toUInt64(9223372036854775807 - received_at_ms) AS version
FROM enriched_queue
WHERE length(_error) = 0;

CREATE TABLE errors
(
    topic LowCardinality(String),
    partition UInt64,
    offset UInt64,
    raw String,
    error String
)
ENGINE = MergeTree
ORDER BY (topic, partition, offset);

CREATE MATERIALIZED VIEW enriched_to_errors TO errors AS
SELECT _topic AS topic, _partition AS partition, _offset AS offset, _raw_message AS raw, _error AS error
FROM enriched_queue
WHERE length(_error) > 0;

-- FINAL, because copies are merged in the background, some time later.
CREATE VIEW purchases AS
SELECT website_id, country, count() AS purchases, sum(JSONExtractFloat(event_data, 'amount')) AS amount
FROM events FINAL
WHERE event_name = 'purchase'
GROUP BY website_id, country;
