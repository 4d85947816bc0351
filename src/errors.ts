/**
 * The catalogue of errors a person may meet. Each has a stable code; `message` says what happened to which
 * thing, `cure` what to do about it.
 */
const catalogue = {
  SETTING_INVALID: 'Correct it where it is set: afterlog.yaml, the environment, or a flag.',
  SETTING_UNKNOWN: 'Correct the name, or remove the setting.',
  DATA_DIR_MISSING: 'Set AFTERLOG_DATA_DIR (--data-dir) to the folder that holds the sandboxes.',
  STATE_DIR_LOCKED: 'Stop the other agent, or give this one its own state dir (AFTERLOG_STATE_DIR).',
  DATA_DIR_LOCKED: 'Stop the other agent: a data dir has one agent, whatever its state dir.',
  STATE_DIR_UNUSABLE:
    'Make the state dir writable for this user, or set AFTERLOG_STATE_DIR to another folder.',
  SPOOL_FORMAT:
    'Nothing was touched. Start the afterlog that wrote it (a newer one), or move the folder aside: what is in it and not delivered is lost then.',
  FILE_UNREADABLE:
    'Let the agent read the file: run it as the runtime’s user, or give it CAP_DAC_READ_SEARCH.',
  DISK_FULL: 'Free some disk space; the agent goes on by itself.',
  KAFKA_UNREACHABLE:
    'Check AFTERLOG_KAFKA_BROKERS and the brokers; it is tried again until they answer, and nothing is lost.',
  KAFKA_REFUSED:
    'See the brokers’ reason. Where a right is missing, give this user Create, Describe and DescribeConfigs on the topic, or let someone who has them run `afterlog migrate`.',
  TOPIC_MISSING: 'Check AFTERLOG_KAFKA_TOPIC; the first agent that sends makes the topic.',
  CLICKHOUSE_UNREACHABLE: 'Check AFTERLOG_CLICKHOUSE_URL and the server; writing goes on by itself.',
  CLICKHOUSE_REFUSED: 'See ClickHouse’s reason; if the schema is behind, run `afterlog migrate`.',
  SCHEMA_BEHIND: 'Run `afterlog migrate` with this version of afterlog.',
  SCHEMA_AHEAD: 'The database was migrated by a newer afterlog: update this one.',
  BATCH_DAMAGED: 'The batch is kept in the dead-letter topic, <topic>-dlq, with the reason in its headers.',
  LETTER_UNKNOWN: 'List the dead letters with `afterlog dlq`.',
  EMBEDDED_MISSING: 'Install the embedded ClickHouse once with `npm install -g chdb@3.4.0 ffi-rs@1.3.7`.',
  EMBEDDED_IN_USE: 'An `afterlog up` runs in this folder already: use that one, or stop it first (Ctrl-C).',
  EMBEDDED_FAILED: 'See the ClickHouse output above; another server may hold the port.',
  KAFKA_LOCAL_FAILED: 'See the output above; set AFTERLOG_KAFKA_BROKERS to use brokers that run already.',
  MIGRATION_CHANGED:
    'A released migration must not change: restore the file, and put the change into a new one.',
  DEMO_DIR_FOREIGN:
    'The demo deletes what is in its folder: unset AFTERLOG_DATA_DIR, or name an empty folder.',
  PORT_IN_USE: 'Stop what listens there, or set another address (AFTERLOG_LISTEN, --listen).',
  JAVA_MISSING: 'Install Java and Maven: apt-get install -y default-jre-headless maven',
  USAGE: 'See `afterlog --help`.',
  SANDBOX_UNKNOWN: 'Check the id with `afterlog sandboxes`.',
  FILE_MISSING: 'Check the path.',
  FLUSH_UNKNOWN: 'Check the id. Of a sandbox that was deleted a while ago everything is safe already.',
  FLUSH_LATE: 'Ask again; `/healthz` of the agent says what it waits for.',
  AGENT_UNREACHABLE: 'Start the agent, or set AFTERLOG_AGENT_LISTEN to the address that it listens on.',
} as const;

export type ErrorCode = keyof typeof catalogue;

/** What to do about an error of this code. */
export const cureOf = (code: ErrorCode): string => catalogue[code];

export class AfterlogError extends Error {
  readonly code: ErrorCode;
  readonly cure: string;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AfterlogError';
    this.code = code;
    this.cure = catalogue[code];
  }
}

/** One or two lines for a terminal: what happened, and what to do. */
export function explain(error: unknown): string {
  if (error instanceof AfterlogError) return `${error.message} [${error.code}]\n  → ${error.cure}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The shortest true sentence about any thrown value, for log lines. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}
