-- A row that marks something and came before its sandbox's labels were known takes them from the sandbox's other rows, but
-- only where these agree: an id may have been used by one workspace after another, and neither may read the other's.
CREATE OR REPLACE VIEW {database}.headlines AS
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
    if(workspace = '' AND first_workspace = last_workspace, last_workspace, workspace) AS workspace,
    if(template = '' AND first_workspace = last_workspace, last_template, template) AS template
FROM
(
    SELECT
        *,
        argMaxIf(title, position, title != '')
            OVER (PARTITION BY sandbox_id, log, stream_started_at, entry_position) AS entry_title,
        maxOrNullIf(position, event = 'boot.start') OVER (PARTITION BY sandbox_id, log, stream_started_at
            ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS boot_position,
        minIf(workspace, workspace != '') OVER (PARTITION BY sandbox_id) AS first_workspace,
        max(workspace) OVER (PARTITION BY sandbox_id) AS last_workspace,
        max(template) OVER (PARTITION BY sandbox_id) AS last_template
    FROM {database}.marks FINAL
)
WHERE event != '' OR record = 'seal';
