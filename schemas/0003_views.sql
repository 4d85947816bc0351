-- What could not be read, a row a gap. bytes is NULL where the end of the gap is not known.
CREATE VIEW IF NOT EXISTS {database}.gaps AS
SELECT
    sandbox_id,
    log,
    stream_started_at,
    position,
    JSONExtract(message, 'bytes', 'Nullable(UInt64)') AS bytes,
    JSONExtractString(message, 'reason') AS reason,
    observed_at,
    host,
    workspace,
    template
FROM {database}.console_logs FINAL
WHERE record = 'gap';

-- The end of a stream: what the agent counted, to compare with what is here.
CREATE VIEW IF NOT EXISTS {database}.seals AS
SELECT
    sandbox_id,
    log,
    stream_started_at,
    JSONExtractUInt(message, 'bytes') AS bytes,
    JSONExtractUInt(message, 'lines') AS lines,
    toUInt32(JSONExtractUInt(message, 'crc32')) AS crc32,
    JSONExtractUInt(message, 'gaps') AS gaps,
    JSONExtract(message, 'complete', 'Bool') AS complete,
    JSONExtractString(message, 'reason') AS reason,
    observed_at,
    host,
    workspace,
    template
FROM {database}.console_logs FINAL
WHERE record = 'seal';

-- One row a sandbox. It is deleted when the newest stream of each of its logs was sealed by a deletion: a folder
-- made again under the same id is alive again.
CREATE VIEW IF NOT EXISTS {database}.sandboxes AS
SELECT
    sandbox_id,
    argMax(log_host, log_last_seen) AS host,
    max(log_workspace) AS workspace,
    max(log_template) AS template,
    min(log_first_seen) AS first_seen,
    max(log_last_seen) AS last_seen,
    sum(log_bytes) AS bytes,
    arraySort(groupArray(log)) AS logs,
    sum(log_streams) AS streams,
    sum(log_gaps) AS gaps,
    if(min(log_deleted), 'deleted', 'alive') AS state,
    if(min(log_deleted), max(log_deleted_at), NULL) AS deleted_at
FROM
(
    SELECT
        sandbox_id,
        log,
        argMax(stream_host, stream_started_at) AS log_host,
        max(stream_workspace) AS log_workspace,
        max(stream_template) AS log_template,
        min(stream_first_seen) AS log_first_seen,
        max(stream_last_seen) AS log_last_seen,
        sum(stream_bytes) AS log_bytes,
        count() AS log_streams,
        sum(stream_gaps) AS log_gaps,
        argMax(isNotNull(stream_deleted_at), stream_started_at) AS log_deleted,
        max(stream_deleted_at) AS log_deleted_at
    FROM
    (
        SELECT
            sandbox_id,
            log,
            stream_started_at,
            max(host) AS stream_host,
            max(workspace) AS stream_workspace,
            max(template) AS stream_template,
            min(first_observed_at) AS stream_first_seen,
            max(last_observed_at) AS stream_last_seen,
            max(bytes) AS stream_bytes,
            length(groupUniqArrayArray(1000)(gap_positions)) AS stream_gaps,
            max(deleted_at) AS stream_deleted_at
        FROM {database}.streams
        GROUP BY sandbox_id, log, stream_started_at
    )
    GROUP BY sandbox_id, log
)
GROUP BY sandbox_id;
