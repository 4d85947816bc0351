-- One row a stream (a console from its start to its truncation or deletion). Every column is an aggregate that
-- a repeated row does not change, so a batch that lands twice changes nothing here either, and the table can be
-- made again from console_logs at any time. It outlives the lines: an id that was ever seen stays known.
CREATE TABLE IF NOT EXISTS {database}.streams
(
    sandbox_id        String CODEC(ZSTD(1)),
    log               LowCardinality(String),
    stream_started_at DateTime64(9, 'UTC'),
    host              SimpleAggregateFunction(max, LowCardinality(String)),
    workspace         SimpleAggregateFunction(max, LowCardinality(String)),
    template          SimpleAggregateFunction(max, LowCardinality(String)),
    first_observed_at SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    last_observed_at  SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    first_timestamp   SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    last_timestamp    SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    bytes             SimpleAggregateFunction(max, UInt64),
    -- The positions of its gaps: a set, where a count would count a repeated row again.
    gap_positions     SimpleAggregateFunction(groupUniqArrayArray(1000), Array(UInt64)),
    -- NULL until sealed; deleted_at only for the seal of a deletion.
    sealed_at         SimpleAggregateFunction(max, Nullable(DateTime64(9, 'UTC'))),
    deleted_at        SimpleAggregateFunction(max, Nullable(DateTime64(9, 'UTC'))),
    complete          SimpleAggregateFunction(min, Nullable(UInt8))
)
ENGINE = AggregatingMergeTree
ORDER BY (sandbox_id, log, stream_started_at)
TTL toDateTime(last_observed_at) + INTERVAL 400 DAY;

-- It must never throw, for a throwing view fails the INSERT after the rows have landed: JSONExtract* gives 0, ''
-- or false for what is not JSON. `if` evaluates its branch only for the rows that take it.
CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.streams_view TO {database}.streams AS
SELECT
    sandbox_id,
    log,
    stream_started_at,
    max(host) AS host,
    max(workspace) AS workspace,
    max(template) AS template,
    min(observed_at) AS first_observed_at,
    max(observed_at) AS last_observed_at,
    min(timestamp) AS first_timestamp,
    max(timestamp) AS last_timestamp,
    max(position + multiIf(record = 'line', length(prefix) + length(message) + length(ending),
                           record = 'gap', JSONExtractUInt(message, 'bytes'), 0)) AS bytes,
    groupUniqArrayIf(1000)(position, record = 'gap') AS gap_positions,
    maxOrNullIf(observed_at, record = 'seal') AS sealed_at,
    maxOrNullIf(observed_at, if(record = 'seal', JSONExtractString(message, 'reason') = 'deleted', false)) AS deleted_at,
    minOrNullIf(if(record = 'seal', toUInt8(JSONExtractBool(message, 'complete')), 1), record = 'seal') AS complete
FROM {database}.console_logs
GROUP BY sandbox_id, log, stream_started_at;
