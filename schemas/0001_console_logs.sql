-- One row a physical line. concat(prefix, message, ending) of the rows with record = 'line', in order of
-- position, is the file's bytes exactly. docs/architecture.md explains every column.
CREATE TABLE IF NOT EXISTS {database}.console_logs
(
    record            LowCardinality(String),
    sandbox_id        String CODEC(ZSTD(1)),
    log               LowCardinality(String),
    stream_started_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    position          UInt64 CODEC(Delta, ZSTD(1)),
    timestamp         DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    timestamp_kind    LowCardinality(String),
    observed_at       DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    ingest_day        Date,
    host              LowCardinality(String),
    batch_epoch       UInt64 CODEC(Delta, ZSTD(1)),
    batch_sequence    UInt64 CODEC(Delta, ZSTD(1)),
    workspace         LowCardinality(String),
    template          LowCardinality(String),
    source            LowCardinality(String),
    severity          LowCardinality(String),
    event             LowCardinality(String),
    title             String CODEC(ZSTD(1)),
    -- Most lines are an entry of their own: the wire carries the distance back to the entry's first line.
    entry_back        UInt32 EPHEMERAL 0,
    entry_position    UInt64 DEFAULT position - entry_back CODEC(Delta, ZSTD(1)),
    prefix            String CODEC(ZSTD(1)),
    message           String CODEC(ZSTD(1)),
    ending            LowCardinality(String),

    -- Gap and seal rows are rare and asked for across all sandboxes: granules without one are not read.
    INDEX kinds record TYPE set(4) GRANULARITY 8,

    -- The highest landed batch of a host and epoch, kept in the parts themselves, so that it is as true as the
    -- rows are: a consumer looks here before it goes on.
    PROJECTION landed (SELECT host, batch_epoch, max(batch_sequence) GROUP BY host, batch_epoch)
)
ENGINE = ReplacingMergeTree
PARTITION BY ingest_day
ORDER BY (sandbox_id, log, stream_started_at, position, record)
TTL ingest_day + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, deduplicate_merge_projection_mode = 'rebuild';
