"""The shop: events of 200 websites as the services would store them, made by SQL inside the engine.

`fill(client, events, seed)` fills the table `events` of the current schema; the same numbers give the same rows.

- 35 days from FIRST_DAY_MS or another first day; 200 websites, `site-0` with a tenth of all events, the others skewed.
- 20,000 visitors, each of one website; their ids are hashes of the day. Sessions of 1 to 9 events, 5 on average.
- Six event names with the properties of PROPERTIES: texts, numbers, booleans, one nested object.
- 2,000 agents and 20,000 addresses; a tenth of the sessions come by a campaign, half by a referrer.
- Event ids are UUIDv7 of the client's time (`v4=True`: UUIDv4). Accepted 20 ms to 2 s later.
- 2 of 100 events have a copy: half of them accepted within a minute, half up to ten days later.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from clickhouse_driver import Client

from eventrail.rows.stored import STORED_COLUMNS

FIRST_DAY_MS: Final = 1_768_435_200_000
"""2026-01-15T00:00:00Z."""
DAYS: Final = 35
WEBSITES: Final = 200
VISITORS: Final = 20_000
BIG: Final = "site-0"
NAMES: Final = ("product_viewed", "add_to_cart", "purchase", "signup_click", "video_play", "file_download")
_WEIGHTS: Final = (45, 65, 72, 80, 92, 100)
_PARTITIONS: Final = 6
_ONE_COPY_IN: Final = 50
BLOCK: Final = 1_000_000
_DAY_MS: Final = 86_400_000

WITHOUT_LIMITS: Final = (
    "min_insert_block_size_rows = 2000000, min_insert_block_size_bytes = 0, max_threads = 2,"
    " max_insert_threads = 1, max_partitions_per_insert_block = 0"
)

PROPERTIES: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "product_viewed": (
        ("product_id", "string", "concat('widget-', toString(product))"),
        ("price", "number", "price"),
        ("in_stock", "boolean", "if(product % 9 = 0, 'false', 'true')"),
    ),
    "add_to_cart": (
        ("product.id", "number", "toString(product)"),
        ("product.name", "string", "concat('Widget ', toString(product))"),
        ("quantity", "number", "toString(1 + dice % 3)"),
    ),
    "purchase": (
        ("order_id", "string", "concat('ord_', toString(100000 + number))"),
        ("amount", "number", "concat(toString(5 + dice % 400), '.', ['00', '49', '90', '99'][1 + dice % 4])"),
        ("currency", "string", "['USD', 'USD', 'USD', 'EUR', 'GBP'][1 + website % 5]"),
        ("items", "number", "toString(1 + dice % 5)"),
        ("plan", "string", "plan"),
        ("first_order", "boolean", "if(dice % 3 = 0, 'true', 'false')"),
    ),
    "signup_click": (
        ("plan", "string", "plan"),
        ("source", "string", "['pricing', 'home', 'blog', 'docs'][1 + dice % 4]"),
    ),
    "video_play": (
        ("video_id", "string", "concat('demo-', toString(2000 + dice % 60))"),
        ("duration", "number", "concat(toString(dice % 300), '.', toString(1 + dice % 9))"),
        ("autoplay", "boolean", "if(dice % 4 = 0, 'true', 'false')"),
    ),
    "file_download": (
        ("file", "string", "concat('whitepaper-', toString(dice % 40), '.pdf')"),
        ("size_mb", "number", "concat(toString(dice % 40 % 12), '.', toString(dice % 40 % 10))"),
    ),
}
"""Of each name: paths, types and SQL of the texts, in the order of the JSON text."""


def _by_name(each: Mapping[str, str]) -> str:
    """SQL that picks by `event_name`."""
    cases = ", ".join(f"event_name = '{name}', {sql}" for name, sql in each.items())
    return f"multiIf({cases}, {each[NAMES[-1]]})"


def _array(values: list[str]) -> str:
    return f"[{', '.join(values)}]"


def _member(key: str, type_: str, text: str) -> str:
    return f"'\"{key}\":', " + (f"'\"', {text}, '\"'" if type_ == "string" else text)


def _document(name: str) -> str:
    """SQL of the JSON text of an event: paths with a dot are those of one nested object, which comes first."""
    nested = [(key.partition(".")[2], *rest) for key, *rest in PROPERTIES[name] if "." in key]
    flat = [each for each in PROPERTIES[name] if "." not in each[0]]
    members = [_member(*each) for each in flat]
    if nested:
        inside = ", ',', ".join(_member(*each) for each in nested)
        members.insert(0, f"'\"product\":{{', {inside}, '}}'")
    inner = ", ',', ".join(members)
    return f"concat('{{', {inner}, '}}')"


def _shape(name: str) -> str:
    """What the writer makes of that text: the byte 0 (here as an escape) for each property."""
    members = [f'"{key}":\\0' for key, *_ in PROPERTIES[name] if "." not in key]
    nested = [f'"{key.partition(".")[2]}":\\0' for key, *_ in PROPERTIES[name] if "." in key]
    if nested:
        members.insert(0, f'"product":{{{",".join(nested)}}}')
    return f"{{{','.join(members)}}}"


def _dice(seed: int, salt: int, of: str) -> str:
    return f"sipHash64({seed}, {salt}, {of})"


def source(
    first: int,
    count: int,
    total: int,
    *,
    seed: int = 1,
    v4: bool = False,
    first_day_ms: int = FIRST_DAY_MS,
) -> str:
    """SELECT of `count` events, from number `first` on, of `total`, and of their copies.

    It has every column of an enriched event under its own name; types of properties stand as text.
    """

    def dice(salt: int, of: str = "number") -> str:
        return _dice(seed, salt, of)

    chunk_ms = max(1, DAYS * _DAY_MS * _PARTITIONS // total)
    cumulative = _array([str(weight) for weight in _WEIGHTS])
    names = _array([f"'{name}'" for name in NAMES])
    keys, types, texts = (
        _by_name({name: _array([part(each) for each in PROPERTIES[name]]) for name in NAMES})
        for part in (lambda each: f"'{each[0]}'", lambda each: f"'{each[1]}'", lambda each: each[2])
    )
    documents = _by_name({name: _document(name) for name in NAMES})
    shapes = _by_name({name: f"'{_shape(name)}'" for name in NAMES})
    # The engine keeps a UUID as two numbers of 64 bits, the first half of the text in the lower one.
    low = f"bitOr(bitShiftLeft(toUInt64(2), 62), bitShiftRight({dice(21)}, 2))"
    high = (
        f"bitOr(bitAnd({dice(20)}, bitNot(toUInt64(61440))), 16384)"
        if v4
        else f"bitOr(bitShiftLeft(toUInt64(at_ms), 16), 28672 + {dice(20)} % 4096)"
    )
    return f"""
WITH
    intDiv(number, 10) AS ten,
    number % 10 AS place,
    1 + {dice(1, "ten")} % 9 AS cut,
    place >= cut AS second,
    2 * ten + second AS session,
    if(second, place - cut, place) AS step,
    {dice(2, "session")} AS session_dice,
    session_dice % {VISITORS} AS visitor,
    if(visitor % 10 = 0, 0, 1 + toUInt64(floor({WEBSITES - 1} * pow(({dice(3, "visitor")} % 1000000) / 1000000, 2))))
        AS website,
    {first_day_ms} + {dice(4, "session")} % {DAYS * _DAY_MS - 1_200_000} AS start_ms,
    start_ms + step * 45000 + if(step = 0, 0, {dice(5)} % 44000) AS at_ms,
    {dice(6)} AS dice,
    toUInt64(floor(5000 * pow(({dice(7)} % 1000000) / 1000000, 3))) AS product,
    concat(toString(5 + product % 180), '.', ['00', '50', '90', '99'][1 + product % 4]) AS price,
    ['free', 'pro', 'team', 'enterprise'][1 + {dice(8)} % 4] AS plan,
    at_ms + 20 + {dice(9)} % 200 + if({dice(10)} % 10 = 0, {dice(11)} % 1800, 0) AS first_received_ms,
    first_received_ms + multiIf(NOT copied, 0, dice % 2 = 0, 1000 + {dice(12)} % 59000,
        60000 + {dice(12)} % {10 * _DAY_MS}) AS received_ms,
    received_ms - {first_day_ms} AS since_ms,
    sipHash128({seed}, visitor, website, intDiv(start_ms, {_DAY_MS})) AS visitor_bits,
    {dice(13, "visitor")} AS agent_dice,
    agent_dice % 2000 AS agent,
    toUInt64(floor(20000 * pow(({dice(14, "visitor")} % 1000000) / 1000000, 2))) AS address,
    session_dice % 100 < 10 AS campaigned,
    intDiv(session_dice, 1000) % 12 AS campaign_number,
    intDiv(session_dice, 1000) % 100 < 50 AS referred,
    intDiv(session_dice, 100000) % 40 AS referrer_number,
    concat('shop-', toString(website), '.example') AS page_host,
    multiIf(event_name IN ('product_viewed', 'add_to_cart'), concat('/products/widget-', toString(product)),
        event_name = 'purchase', '/checkout', event_name = 'signup_click', '/pricing',
        event_name = 'video_play', concat('/videos/', toString(dice % 60)),
        concat('/downloads/', toString(dice % 40))) AS page_path,
    if(campaigned AND step = 0, concat('utm_source=', utm_source, '&utm_medium=', utm_medium, '&utm_campaign=',
        utm_campaign), if(dice % 20 = 0, concat('page=', toString(dice % 7)), '')) AS page_query
SELECT
    concat('site-', toString(website)) AS website_id,
    {names}[1 + arrayFirstIndex(bound -> {dice(15)} % 100 < bound, {cumulative}) - 1] AS event_name,
    toDate(fromUnixTimestamp64Milli(at_ms, 'UTC')) AS identity_day,
    reinterpretAsUUID(bitOr(bitShiftLeft(toUInt128({low}), 64), toUInt128({high}))) AS event_id,
    'custom' AS event_type,
    fromUnixTimestamp64Milli(at_ms, 'UTC') AS timestamp,
    fromUnixTimestamp64Milli(received_ms, 'UTC') AS received_at,
    toUInt64(281474976710655 - received_ms) AS version,
    lower(hex(visitor_bits)) AS visitor_id,
    'hash' AS visitor_source,
    reinterpretAsUUID(bitOr(
        bitShiftLeft(toUInt128(bitOr(bitShiftLeft(toUInt64(2), 62), {dice(22, "session")} % {2**40})), 64),
        toUInt128(bitOr(bitShiftLeft(toUInt64(start_ms), 16), 32768))
    )) AS session_id,
    fromUnixTimestamp64Milli(start_ms, 'UTC') AS session_started_at,
    concat('https://', page_host, page_path, if(page_query = '', '', '?'), page_query) AS url,
    page_host AS host, page_path AS path, page_query AS query,
    if(referred AND step = 0, concat('https://www.site-', toString(referrer_number), '.example/'), '') AS referrer_url,
    if(referred AND step = 0, concat('site-', toString(referrer_number), '.example'), '') AS referrer_domain,
    if(campaigned, ['google', 'newsletter', 'facebook', 'bing'][1 + campaign_number % 4], '') AS utm_source,
    if(campaigned, ['cpc', 'email', 'social', 'cpc'][1 + campaign_number % 4], '') AS utm_medium,
    if(campaigned, concat('winter-', toString(campaign_number)), '') AS utm_campaign,
    '' AS utm_term, '' AS utm_content, '' AS click_id,
    campaigned AND step > 0 AS campaign_inherited,
    multiIf(campaigned, ['Paid Search', 'Email', 'Organic Social', 'Paid Search'][1 + campaign_number % 4],
        referred, if(referrer_number < 15, 'Organic Search', 'Referral'), 'Direct') AS channel,
    concat(char(65 + address % 40 % 26), char(65 + address % 40 % 25)) AS country,
    concat('R', toString(address % 400)) AS region,
    concat('City ', toString(address % 1600)) AS city,
    ['Chrome', 'Safari', 'Firefox', 'Edge', 'Samsung Internet', 'Opera', 'Brave', 'Chrome'][1 + agent % 8] AS browser,
    concat(toString(90 + agent % 48), '.0') AS browser_version,
    ['Windows', 'iOS', 'Android', 'macOS', 'Linux', 'Android'][1 + agent % 6] AS os,
    toString(8 + agent % 24) AS os_version,
    ['desktop', 'mobile', 'mobile', 'desktop', 'desktop', 'tablet'][1 + agent % 6] AS device_type,
    if({dice(16, "visitor")} % 100 = 0, 'headless', 'none') AS bot_kind,
    if({dice(16, "visitor")} % 100 = 0, 'HeadlessChrome', '') AS bot_name,
    ['en', 'de', 'fr', 'en-US', 'es', 'pt-BR', 'ja'][1 + agent_dice % 7] AS language,
    [1920, 390, 412, 1440, 2560, 820][1 + agent % 6] AS screen_width,
    [1080, 844, 915, 900, 1440, 1180][1 + agent % 6] AS screen_height,
    {documents} AS event_data,
    {shapes} AS event_shape,
    {keys} AS property_keys,
    {types} AS property_types,
    {texts} AS property_values,
    2 AS rules_version, 'uap-core 2026-01-01' AS agent_rules, 'dbip 2026-01' AS geo_database, 0 AS retention_days,
    visitor % {_PARTITIONS} AS raw_partition,
    1000000 * raw_partition + intDiv(since_ms * (80 + 7 * raw_partition), 100 * {chunk_ms}) AS raw_offset,
    if({dice(17)} % 5 = 0, 1 + {dice(17)} % 3, 0) AS raw_index,
    reinterpretAsUInt64(visitor_bits) % {_PARTITIONS} AS enriched_partition,
    1300000 * enriched_partition + intDiv(since_ms * (90 + 5 * enriched_partition), 100 * {chunk_ms}) AS enriched_offset
FROM
(
    SELECT number, false AS copied FROM numbers({first}, {count})
    UNION ALL
    SELECT number, true AS copied FROM numbers({first}, {count}) WHERE {dice(18)} % {_ONE_COPY_IN} = 0
)"""  # noqa: S608 - numbers and our own words


_ID_TIME = f"""if(
    bitAnd(event_id_high, 61440) = 28672 AND bitShiftRight(event_id_low, 62) = 2
        AND toUInt64(bitShiftRight(event_id_high, 16) - toUInt64(identity_day) * {_DAY_MS}) < {_DAY_MS},
    toInt64(bitShiftRight(event_id_high, 16)), toInt64(identity_day) * {_DAY_MS}
)"""
_SEPARATED: Final = "concatWithSeparator(char(31), {})"
DERIVED: Final[Mapping[str, str]] = {
    "event_id_high": "toUInt64(bitShiftRight(toUInt128(event_id), 64))",
    "event_id_low": "toUInt64(bitAnd(toUInt128(event_id), 18446744073709551615))",
    "timestamp_offset": f"toUnixTimestamp64Milli(timestamp) - {_ID_TIME}",
    "copy_rank": f"toUInt64(140737488355327 - (toUnixTimestamp64Milli(received_at) - {_ID_TIME}))",
    "session_start_offset": "toInt64(0)",
    "other_url": "''",
    "other_event_data": "''",
    "place": _SEPARATED.format("country, region, city"),
    "device": _SEPARATED.format(
        "browser, browser_version, os, os_version, device_type, toString(screen_width), toString(screen_height)"
    ),
}
"""SQL of each column of the table that is made of the columns of `source`."""


def stored(source_sql: str, columns: Sequence[str] = STORED_COLUMNS) -> str:
    """SELECT of `columns` of the table `events` out of what `source` gives."""
    values = ", ".join(f"{DERIVED[name]} AS {name}" if name in DERIVED else name for name in columns)
    return f"SELECT {values} FROM ({source_sql})"  # noqa: S608


def blocks(total: int) -> Iterator[tuple[int, int]]:
    """First number and count of the blocks that `total` events are made in."""
    for first in range(0, total, BLOCK):
        yield first, min(BLOCK, total - first)


def fill(
    client: Client, events: int, seed: int = 1, *, v4: bool = False, first_day_ms: int = FIRST_DAY_MS
) -> None:
    """Put `events` events (a multiple of 10) and their copies into the table `events`; blocks (15 s a million)."""
    for first, count in blocks(events):
        made = stored(source(first, count, events, seed=seed, v4=v4, first_day_ms=first_day_ms))
        client.execute(f"INSERT INTO events ({', '.join(STORED_COLUMNS)}) {made} SETTINGS {WITHOUT_LIMITS}")
