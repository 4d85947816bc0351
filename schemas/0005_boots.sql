-- The rows that mark something: a headline (event), a later row of its entry that knows a better title, an event of
-- the runtime, and the seal of a stream. A copy of few columns of few rows, so that boots and crashes are found without
-- reading the lines; like streams it outlives them, and can be made again from console_logs at any time.
CREATE TABLE IF NOT EXISTS {database}.marks
(
    sandbox_id        String CODEC(ZSTD(1)),
    log               LowCardinality(String),
    stream_started_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    position          UInt64 CODEC(Delta, ZSTD(1)),
    record            LowCardinality(String),
    entry_position    UInt64 CODEC(Delta, ZSTD(1)),
    event             LowCardinality(String),
    title             String CODEC(ZSTD(1)),
    -- Of a seal: why the stream ended.
    reason            LowCardinality(String),
    timestamp         DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    observed_at       DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    ingest_day        Date,
    host              LowCardinality(String),
    workspace         LowCardinality(String),
    template          LowCardinality(String),

    -- Of a stream, later rows were observed later: what was observed since then is the end of each stream.
    INDEX observed observed_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ingest_day)
ORDER BY (sandbox_id, log, stream_started_at, position, record)
TTL ingest_day + INTERVAL 400 DAY;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.marks_view TO {database}.marks AS
SELECT
    sandbox_id,
    log,
    stream_started_at,
    position,
    record,
    entry_position,
    event,
    title,
    if(record = 'seal', JSONExtractString(message, 'reason'), '') AS reason,
    timestamp,
    observed_at,
    ingest_day,
    host,
    workspace,
    template
FROM {database}.console_logs
WHERE event != '' OR title != '' OR record = 'seal';

-- What earlier versions wrote marks nothing but the ends of streams.
INSERT INTO {database}.marks
SELECT
    sandbox_id, log, stream_started_at, position, record, entry_position, event, title,
    JSONExtractString(message, 'reason') AS reason,
    timestamp, observed_at, ingest_day, host, workspace, template
FROM {database}.console_logs
WHERE record = 'seal';







-- The rows that mark something, with what only the rows around them know: the best title of their entry (of its last
-- row that has one); the boot that they belong to, as the position of the kernel's first line before them (NULL: none
-- in this stream); the labels of their sandbox where they came before these were known. What stands twice is one row.
CREATE VIEW IF NOT EXISTS {database}.headlines AS
SELECT
    sandbox_id,
    log,
    stream_started_at,
    position,
    boot_position,
    record,
    event,
    entry_title AS title,
    timestamp,
    observed_at,
    host,
    if(workspace = '', sandbox_workspace, workspace) AS workspace,
    if(template = '', sandbox_template, template) AS template
FROM
(
    SELECT
        *,
        argMaxIf(title, position, title != '')
            OVER (PARTITION BY sandbox_id, log, stream_started_at, entry_position) AS entry_title,
        maxOrNullIf(position, event = 'boot.start') OVER (PARTITION BY sandbox_id, log, stream_started_at
            ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS boot_position,
        max(workspace) OVER (PARTITION BY sandbox_id) AS sandbox_workspace,
        max(template) OVER (PARTITION BY sandbox_id) AS sandbox_template
    FROM {database}.marks FINAL
)
WHERE event != '' OR record = 'seal';

-- One row a boot: a console from the kernel's first line to the next one, or to its end. A wake has no such line and
-- is no boot. What fails a boot counts only until it was ready: later it is a crash.
-- `booting`: not ready yet, and may still be; after ten minutes, or when its console has ended, it is `not_ready`.
CREATE VIEW IF NOT EXISTS {database}.boots AS
WITH
    ['rootfs.missing', 'init.missing', 'kernel.panic', 'kernel.oops', 'kernel.oom', 'kernel.hang'] AS causes,
    console AS
    (
        SELECT
            sandbox_id,
            stream_started_at,
            boot_position,
            minIf(timestamp, event = 'boot.start') AS start_time,
            minIf(observed_at, event = 'boot.start') AS start_observed,
            minOrNullIf(timestamp, event = 'boot.ready') AS ready_time,
            minOrNullIf(observed_at, event = 'boot.ready') AS ready_observed,
            min(transform(event, causes, [1, 2, 3, 4, 5, 6], 7)) AS cause,
            argMinIf(title, (transform(event, causes, [1, 2, 3, 4, 5, 6], 7), position),
                event NOT IN ('', 'boot.start', 'boot.ready')) AS cause_title,
            max(record = 'seal') AS is_sealed,
            max(workspace) AS boot_workspace,
            max(template) AS boot_template,
            any(host) AS boot_host
        FROM {database}.headlines
        WHERE log = 'console' AND isNotNull(boot_position)
        GROUP BY sandbox_id, stream_started_at, boot_position
    ),
    framed AS
    (
        SELECT
            *,
            leadInFrame(start_time, 1, toDateTime64('2200-01-01', 9, 'UTC')) OVER later AS next_start,
            leadInFrame(1, 1, 0) OVER later AS has_next
        FROM console
        WINDOW later AS (PARTITION BY sandbox_id ORDER BY stream_started_at, boot_position
            ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
    ),
    -- The runtime's own words come without a boot: the first ones between a boot's start and the next.
    ssh AS
    (
        SELECT sandbox_id AS ssh_sandbox_id, timestamp AS ssh_at
        FROM {database}.marks
        WHERE log = 'events' AND event = 'sandbox.ssh_ready'
    ),
    died AS
    (
        SELECT sandbox_id AS died_sandbox_id, timestamp AS died_at
        FROM {database}.marks
        WHERE log = 'events' AND event = 'vm.died'
    ),
    judged AS
    (
        SELECT
            *,
            ssh_at >= start_time AND ssh_at < next_start AS has_ssh,
            died_at >= start_time AND died_at < next_start AS has_died,
            coalesce(ready_time, if(has_ssh, ssh_at, NULL)) AS is_ready_at,
            -- Stamps of guests are mostly of whole seconds. Where both lines were read as they were written, the
            -- host's clock knows the time between them better.
            if(abs(dateDiff('millisecond', start_time, start_observed)) < 1000
                    AND ifNull(abs(dateDiff('millisecond', ready_time, ready_observed)) < 2000, false),
                dateDiff('millisecond', start_observed, ready_observed),
                dateDiff('millisecond', start_time, is_ready_at)) AS ready_ms,
            has_next OR is_sealed OR has_died AS is_over,
            multiIf(
                isNotNull(is_ready_at), 'ready',
                cause = 1, 'no_rootfs',
                cause = 2, 'no_init',
                cause = 3, 'panicked',
                NOT is_over AND start_observed > now64(9) - INTERVAL 10 MINUTE, 'booting',
                cause = 4, 'panicked',
                cause = 5, 'oom',
                cause = 6, 'hung',
                has_died, 'vm_died',
                'not_ready') AS came_to
        FROM framed
        ASOF LEFT JOIN ssh ON sandbox_id = ssh_sandbox_id AND start_time <= ssh_at
        ASOF LEFT JOIN died ON sandbox_id = died_sandbox_id AND start_time <= died_at
    )
SELECT
    sandbox_id,
    stream_started_at,
    boot_position AS position,
    start_time AS started_at,
    is_ready_at AS ready_at,
    if(ready_ms < 0, 0, ready_ms) / 1000 AS ready_seconds,
    came_to AS outcome,
    outcome NOT IN ('ready', 'booting') AS failed,
    if(failed, cause_title, '') AS title,
    boot_workspace AS workspace,
    boot_template AS template,
    boot_host AS host
FROM judged;

-- One row a crash: what one boot of one sandbox said under one title, however often. Its event is that of its first
-- headline: the panic that follows an oops is the oops' end. A VM that died without a word on its console is one, too.
CREATE VIEW IF NOT EXISTS {database}.crashes AS
WITH
    by_event AS
    (
        SELECT
            sandbox_id,
            log,
            stream_started_at,
            boot_position,
            title,
            event,
            min(position) AS event_position,
            min(timestamp) AS event_first,
            max(timestamp) AS event_last,
            count() AS event_times,
            max(workspace) AS event_workspace,
            max(template) AS event_template,
            any(host) AS event_host
        FROM {database}.headlines
        WHERE log = 'console' AND event NOT IN ('', 'boot.start', 'boot.ready')
        GROUP BY sandbox_id, log, stream_started_at, boot_position, title, event
    ),
    said AS
    (
        SELECT
            sandbox_id,
            log,
            stream_started_at,
            boot_position,
            title,
            argMin(event, event_position) AS first_event,
            min(event_position) AS first_position,
            min(event_first) AS first_time,
            max(event_last) AS last_time,
            argMin(event_times, event_position) AS times,
            max(event_workspace) AS crash_workspace,
            max(event_template) AS crash_template,
            any(event_host) AS crash_host
        FROM by_event
        GROUP BY sandbox_id, log, stream_started_at, boot_position, title
    ),
    fatal AS
    (
        SELECT sandbox_id AS fatal_sandbox_id, timestamp AS fatal_at
        FROM {database}.marks
        WHERE log = 'console' AND event IN ('kernel.panic', 'kernel.oops', 'kernel.oom', 'kernel.hang', 'rootfs.missing',
            'init.missing')
    ),
    died AS
    (
        SELECT * FROM {database}.headlines WHERE log = 'events' AND event = 'vm.died'
    )
SELECT
    sandbox_id,
    log,
    stream_started_at,
    boot_position,
    first_position AS position,
    first_event AS event,
    title,
    first_time AS first_seen,
    last_time AS last_seen,
    times AS occurrences,
    crash_workspace AS workspace,
    crash_template AS template,
    crash_host AS host
FROM said
UNION ALL
SELECT
    sandbox_id,
    log,
    stream_started_at,
    boot_position,
    position,
    event,
    'VM died' AS title,
    timestamp AS first_seen,
    timestamp AS last_seen,
    1 AS occurrences,
    workspace,
    template,
    host
FROM died
-- The guest's clock may be ahead or behind.
ASOF LEFT JOIN fatal ON sandbox_id = fatal_sandbox_id AND timestamp + INTERVAL 10 MINUTE >= fatal_at
WHERE fatal_at < timestamp - INTERVAL 10 MINUTE;

-- One row a cause: since when, how often, where.
CREATE VIEW IF NOT EXISTS {database}.crash_titles AS
SELECT
    title,
    argMin(crash.event, crash.first_seen) AS event,
    min(crash.first_seen) AS first_seen,
    max(crash.last_seen) AS last_seen,
    count() AS crashes,
    sum(crash.occurrences) AS occurrences,
    uniqExact(sandbox_id) AS sandboxes,
    arraySort(groupUniqArray(1000)(template)) AS templates,
    arraySort(groupUniqArray(1000)(host)) AS hosts
FROM {database}.crashes AS crash
GROUP BY title;
