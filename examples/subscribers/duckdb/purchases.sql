-- Purchases by country, from an export of the query API (docs/export.md):
--
--     curl -f -o events.parquet 'localhost:8401/api/websites/demo-shop/export?format=parquet&event_name=purchase'
--     duckdb < purchases.sql
--
-- Copies are not in an export: each event stands there once.
SELECT
    coalesce(country, 'unknown') AS country,
    count(*) AS purchases,
    sum(CAST(json_extract(properties, '$.amount') AS DECIMAL(18, 2))) AS amount
FROM read_parquet('events.parquet')
GROUP BY ALL
ORDER BY purchases DESC, country;
