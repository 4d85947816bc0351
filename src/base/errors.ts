/** What is known of an error before it happens. */
export interface Entry {
  /** What happened. */
  means: string;
  /** Why that usually is. */
  cause: string;
  /** What to do about it; also said beside the error itself. */
  cure: string;
  /** Where the HTTP API answers with it. */
  status?: 400 | 401 | 403 | 404 | 405 | 408 | 410 | 413 | 422 | 431 | 500 | 503;
}

/**
 * The one catalogue of errors a person or a client may meet, from which `npm run docs` makes
 * docs/reference/errors.md. A code is never renamed and never used for something else.
 */
export const catalogue = {
  SETTING_INVALID: {
    means: 'A setting has a value that is not allowed, or the settings file cannot be read.',
    cause: 'The message names the setting, where it was set, what was found and what is allowed.',
    cure: 'Correct it where it is set: afterlog.yaml, the environment, or a flag.',
  },
  SETTING_UNKNOWN: {
    means: 'A name in afterlog.yaml, or an AFTERLOG_ variable, is not a setting.',
    cause: 'Mostly a misspelt name; the message says which one was probably meant.',
    cure: 'Correct the name, or remove the setting.',
  },
  USAGE: {
    means: 'The command line cannot be understood.',
    cause: 'A command, an option or an argument is missing, wrong or too many.',
    cure: 'See `afterlog --help`.',
  },
  DATA_DIR_MISSING: {
    means: 'The runtime’s folder, or the folder of its sandboxes in it, is not there.',
    cause: 'The runtime has not made it yet, or data_dir or layout name another place.',
    cure: 'Set AFTERLOG_DATA_DIR (--data-dir) to the folder that holds the sandboxes.',
  },
  DATA_DIR_LOCKED: {
    means: 'Another agent reads this data dir.',
    cause: 'A service and an agent started by hand, or two containers with one folder.',
    cure: 'Stop the other agent: a data dir has one agent, whatever its state dir.',
  },
  STATE_DIR_LOCKED: {
    means: 'Another agent has its spool in this state dir.',
    cause: 'Two agents with different data dirs and the same state_dir.',
    cure: 'Stop the other agent, or give this one its own state dir (AFTERLOG_STATE_DIR).',
  },
  STATE_DIR_UNUSABLE: {
    means: 'The agent’s own folder cannot be written. Reading pauses; nothing that was read is lost.',
    cause: 'It belongs to another user, is mounted read-only, or its disk fails.',
    cure: 'Make the state dir writable for this user, or set AFTERLOG_STATE_DIR to another folder.',
  },
  DISK_FULL: {
    means: 'The disk of the state dir is full. Reading pauses; the files are held by their pins.',
    cause: 'The spool has grown while Kafka or ClickHouse were away, or something else took the space.',
    cure: 'Free some disk space; the agent goes on by itself.',
  },
  SPOOL_FULL: {
    means: 'The spool holds as much as it may. Reading pauses; the files are held by their pins.',
    cause: 'Kafka, or ClickHouse without Kafka, has been away or too slow for long.',
    cure: 'Bring back what the agent delivers to (its log says what it waits for); it goes on by itself.',
  },
  SPOOL_FORMAT: {
    means: 'The spool is of a format that this afterlog does not know.',
    cause: 'A newer afterlog wrote it, and an older one was started.',
    cure:
      'Nothing was touched. Start the afterlog that wrote it (a newer one), or move the folder aside: what is in ' +
      'it and not delivered is lost then.',
  },
  SPOOL_DAMAGED: {
    means:
      'A file of the spool cannot be read, or only in part. What the sandboxes’ files still hold of it is read ' +
      'again; the rest becomes gap rows.',
    cause: 'A power loss, a disk fault, or files that were removed by hand; kill -9 does not do it.',
    cure: 'Check the disk. Nothing else has to be done: the agent mends it by itself.',
  },
  FILE_UNREADABLE: {
    means: 'A file cannot be read. The agent tries again by itself.',
    cause: 'It belongs to another user, or its name is longer than the agent can keep.',
    cure: 'Let the agent read the file: run it as the runtime’s user, or give it CAP_DAC_READ_SEARCH.',
  },
  LOG_NOT_A_FILE: {
    means:
      'Something with a log’s name is no regular file. It is left alone; the sandbox’s other logs are read.',
    cause: 'The runtime writes its log elsewhere and links to it, or uses a FIFO.',
    cure: 'Let the runtime write a file there. A link is not followed: it could have any file of the host read.',
  },
  HELD_FULL: {
    means:
      'Deleted and rotated files that wait to be read take as much disk as they may. The oldest are let go; gap rows tell of each.',
    cause: 'Reading pauses for long because the spool is full, or the disk has little room left.',
    cure: 'See what the agent waits for (`/healthz`), or give the disk more room.',
  },
  ASIDE_FULL: {
    means:
      'Bytes of live logs that cannot be read yet are not copied aside any more. Nothing is lost but what is truncated meanwhile; gap rows tell of it.',
    cause: 'Reading pauses for long because the spool is full, or the disk has little room left.',
    cure: 'See what the agent waits for (`/healthz`), or give the disk more room.',
  },
  SANDBOXES_TOO_MANY: {
    means: 'There are more sandboxes than one agent reads. New ones are left out until others are deleted.',
    cause: 'Folders of sandboxes that are over were never deleted.',
    cure: 'Delete folders of sandboxes that are over; those left out are read then.',
  },
  LINK_IMPOSSIBLE: {
    means: 'A log cannot be hard-linked; an open descriptor holds it, which a restart of the agent loses.',
    cause: 'fs.protected_hardlinks and a file of another user, or data_dir spans file systems.',
    cure: 'Run the agent as the runtime’s user or with CAP_FOWNER, and keep the data dir on one file system.',
  },
  WATCHES_EXHAUSTED: {
    means: 'The system gives no more directory events; folders are polled instead, which costs CPU and time.',
    cause: 'fs.inotify.max_user_watches or max_user_instances is used up.',
    cure: 'Raise fs.inotify.max_user_watches, and max_user_instances, then restart the agent.',
  },
  RUNTIME_UNUSABLE: {
    means: 'The runtime’s agent does not tell workspaces and templates. Lines go on without them.',
    cause: 'It is down or slow, refuses the token, or runtime_url is the address of something else.',
    cure: 'Check AFTERLOG_RUNTIME_URL: `curl $AFTERLOG_RUNTIME_URL/sandboxes` lists the sandboxes of this host.',
  },
  KAFKA_UNREACHABLE: {
    means: 'The brokers do not answer. Batches wait in the spool, or in the topic.',
    cause:
      'Brokers are down, the address is wrong, a firewall, TLS on one side only, or an unknown authority.',
    cure: 'Check AFTERLOG_KAFKA_BROKERS and the brokers; it is tried again until they answer, and nothing is lost.',
  },
  KAFKA_REFUSED: {
    means: 'The brokers answer, and refuse what is asked. Batches wait in the spool, or in the topic.',
    cause:
      'A wrong user, password or mechanism; a right that is missing on topic or group; a policy of the brokers.',
    cure:
      'See the brokers’ reason. A login is AFTERLOG_KAFKA_SASL_*. Where a right is missing, give this user Create, ' +
      'Describe, DescribeConfigs and Write on the topic (a consumer: Read on topic and group, and all of these on ' +
      '<topic>-dlq), or let someone who has them run `afterlog migrate`.',
  },
  MESSAGE_TOO_LARGE: {
    means: 'The topic takes only smaller messages than batches need. Batches wait in the spool.',
    cause: 'max.message.bytes of the topic, or message.max.bytes of the brokers, is below 1 MiB.',
    cure: 'Set max.message.bytes of the topic to Kafka’s default, 1048588, or more; the agent goes on by itself.',
  },
  TOPIC_MISSING: {
    means: 'The topic, or a partition that batches are bound to, does not exist. It is waited for.',
    cause: 'No agent has sent anything yet, or agent and consumer have different topics.',
    cure: 'Check AFTERLOG_KAFKA_TOPIC here and at the agents; `afterlog migrate`, or the first agent that sends, makes the topic.',
  },
  TOPIC_LOST: {
    means:
      'The topic was deleted, or made anew. What it held and nobody had landed is lost; gap rows tell of it.',
    cause: 'Somebody deleted it, or its brokers lost their disks.',
    cure: 'Find out who deleted it; agent and consumer go on with the new one by themselves.',
  },
  CLICKHOUSE_UNREACHABLE: {
    means: 'ClickHouse does not answer. Batches wait, nothing is lost.',
    cause: 'The server is down or starting, or the address is wrong.',
    cure: 'Check AFTERLOG_CLICKHOUSE_URL and the server; writing goes on by itself.',
    status: 503,
  },
  CLICKHOUSE_REFUSED: {
    means: 'ClickHouse answered with an error.',
    cause: 'A missing right, a server without memory or disk, or a schema that does not fit.',
    cure: 'See ClickHouse’s reason; if the schema is behind, run `afterlog migrate`.',
    status: 503,
  },
  SCHEMA_BEHIND: {
    means: 'The database has no schema, or an older one. Batches wait, nothing is lost.',
    cause: 'afterlog was updated and the database was not, or the database’s name is wrong.',
    cure: 'Run `afterlog migrate` with this version of afterlog.',
    status: 503,
  },
  SCHEMA_AHEAD: {
    means: 'The database has migrations that this afterlog does not know.',
    cause: 'Another machine has a newer version.',
    cure: 'The database was migrated by a newer afterlog: update this one.',
  },
  MIGRATION_CHANGED: {
    means: 'A migration that was applied has other content now.',
    cause: 'A file in schemas/ was edited.',
    cure: 'A released migration must not change: restore the file, and put the change into a new one.',
  },
  BATCH_DAMAGED: {
    means: 'A message in the topic is not a whole batch.',
    cause: 'Something else writes to the topic, or a broker lost part of a message.',
    cure: 'The batch is kept in the dead-letter topic, <topic>-dlq, with the reason in its headers: see `afterlog dlq`.',
  },
  BATCH_REFUSED: {
    means: 'A batch can never land. It is kept aside; gap rows stand in its place.',
    cause:
      'It is damaged, ClickHouse refuses its rows (a constraint or type that somebody changed in the table), or ' +
      'the broker refuses it (a smaller message limit).',
    cure: '`afterlog dlq` shows it with the reason, and replays it once it can land; without Kafka both are in <state dir>/refused.',
  },
  BATCHES_MISSING: {
    means: 'Batches never came. A gap row stands in their place.',
    cause: 'The topic’s retention was shorter than an outage of the consumer, or a spool or topic was lost.',
    cure: 'Give the topic a retention of days, and look for what deleted it; what is missing cannot be brought back.',
  },
  LETTER_UNKNOWN: {
    means: 'There is no dead letter with this number.',
    cause: 'A misspelt number, another topic, or one that retention has deleted.',
    cure: 'List the dead letters with `afterlog dlq`.',
  },
  EMBEDDED_MISSING: {
    means: 'ClickHouse as a library is not installed; only `afterlog up` needs it.',
    cause: 'It is large, so an installed afterlog does not bring it.',
    cure: 'Install the embedded ClickHouse once with `npm install -g chdb@3.4.0 ffi-rs@1.3.7`.',
  },
  EMBEDDED_IN_USE: {
    means: 'Another process has the folder of the embedded ClickHouse.',
    cause: 'An `afterlog up` in another terminal.',
    cure: 'An `afterlog up` runs in this folder already: use that one, or stop it first (Ctrl-C).',
  },
  EMBEDDED_FAILED: {
    means: 'The embedded ClickHouse did not start.',
    cause: 'Another process holds its port, or there is no memory left.',
    cure: 'See the ClickHouse output above; another server may hold the port.',
  },
  KAFKA_LOCAL_FAILED: {
    means: 'The local Kafka of demo and tests did not start.',
    cause: 'No network for its one download, no memory, or a port that is taken.',
    cure: 'See the output above; set AFTERLOG_KAFKA_BROKERS to use brokers that run already.',
  },
  JAVA_MISSING: {
    means: 'A local Kafka needs Java and Maven.',
    cause: 'They are not installed, or not on the PATH.',
    cure: 'Install Java and Maven: apt-get install -y default-jre-headless maven',
  },
  DEMO_DIR_FOREIGN: {
    means: 'The demo will not run in a folder with sandboxes of somebody else.',
    cause: 'AFTERLOG_DATA_DIR names a real runtime’s folder.',
    cure: 'The demo deletes what is in its folder: unset AFTERLOG_DATA_DIR, or name an empty folder.',
  },
  UP_UNRECORDED: {
    means: 'A running `afterlog up` cannot write down its address.',
    cause: 'The home or the state dir is read-only.',
    cure: 'Give commands in other terminals the address with --clickhouse-url.',
  },
  PORT_IN_USE: {
    means: 'Something listens on the address already.',
    cause: 'Another afterlog, or another program.',
    cure:
      'Stop what listens there, or set another address (AFTERLOG_LISTEN, --listen; of agent and consumer ' +
      'AFTERLOG_AGENT_LISTEN, AFTERLOG_CONSUMER_LISTEN).',
  },
  FILE_MISSING: {
    means: 'There is no file at the path that was named.',
    cause: 'A misspelt path, or a folder.',
    cure: 'Check the path.',
  },
  SANDBOX_UNKNOWN: {
    means: 'Nothing was ever seen of a sandbox with this id, or the token’s workspace is another one.',
    cause: 'A misspelt id, or its first lines have not arrived yet.',
    cure: 'Check the id with `afterlog sandboxes`.',
    status: 404,
  },
  AGENT_UNREACHABLE: {
    means: 'No agent answers on this host.',
    cause: 'It does not run, or listens on another address.',
    cure: 'Start the agent, or set AFTERLOG_AGENT_LISTEN to the address that it listens on.',
  },
  FLUSH_UNKNOWN: {
    means: 'The agent has no log of this sandbox open.',
    cause: 'A misspelt id, a sandbox of another host, or one that is sealed already.',
    cure: 'Check the id. Of a sandbox that was deleted a while ago everything is safe already.',
    status: 404,
  },
  FLUSH_LATE: {
    means: 'Not all bytes of the sandbox could be made safe in time.',
    cause:
      'Reading is paused, a file cannot be read, or the disk of the spool is slow; the message says which.',
    cure: 'Ask again; `/healthz` of the agent says what it waits for.',
    status: 503,
  },
  TOKEN_MISSING: {
    means: 'The server has tokens, and the request has none.',
    cause: 'No Authorization header, or not a Bearer one.',
    cure: 'Send `Authorization: Bearer <token>`.',
    status: 401,
  },
  TOKEN_UNKNOWN: {
    means: 'The token is not one of this server’s.',
    cause:
      'It was changed or mistyped, or the server has its hash of another text (a line break, for example).',
    cure: 'Check that AFTERLOG_TOKENS holds the SHA-256 of exactly this token.',
    status: 401,
  },
  SCOPE_MISSING: {
    means: 'The token is known, and does not allow this.',
    cause: 'It has scopes without `read`, or is bound to a workspace and asked for what belongs to all.',
    cure: 'Use another token, or widen this one in AFTERLOG_TOKENS.',
    status: 403,
  },
  LOOPBACK_ONLY: {
    means: 'The server has no tokens, so it serves its own machine only.',
    cause: 'A request from another machine, through a proxy, or for another host name.',
    cure: 'Set AFTERLOG_TOKENS to serve others.',
    status: 403,
  },
  PARAMETER_INVALID: {
    means: 'A parameter or header of the request has a value that is not allowed.',
    cause: 'The answer names it, what was found and what is allowed.',
    cure: 'Correct the request.',
    status: 400,
  },
  NOT_FOUND: {
    means: 'The API has nothing at this path.',
    cause: 'A misspelt path, or an older server.',
    cure: 'Check the path.',
    status: 404,
  },
  WAIT_TIMEOUT: {
    means: 'The line that was waited for did not come in time.',
    cause: 'It never comes, is written otherwise, or a boot took longer.',
    cure: 'Wait longer (timeout, --timeout), or look at the log. The text is looked for as it is, in one line.',
    status: 408,
  },
  LOG_ENDED: {
    means: 'The sandbox was deleted before the line came that was waited for.',
    cause: 'It ended, or failed, before it got so far.',
    cure: 'Look at the last lines with `afterlog logs ID`.',
    status: 410,
  },
  QUERY_TOO_BROAD: {
    means: 'The question would take more time or memory than one may have.',
    cause: 'It looks at many days of all sandboxes.',
    cure: 'Narrow it: a later since, an earlier until, one sandbox, one source.',
    status: 422,
  },
  ERASE_DENIED: {
    means: 'The ClickHouse user may not erase. Nothing was changed.',
    cause: 'Erasing inserts gap rows and deletes rows, which a user that only reads may not.',
    cure: 'Let an administrator of ClickHouse run the GRANT that the message names; `afterlog doctor` checks it.',
    status: 500,
  },
  ERASE_TOO_LARGE: {
    means: 'The logs of this sandbox are more than one erase takes. Nothing was changed.',
    cause: 'It was truncated, or its agent was started, more than 100,000 times.',
    cure: 'Delete its rows by hand in ClickHouse, once its topic is past its retention.',
    status: 422,
  },
  METHOD_UNKNOWN: {
    means: 'The API has something at this path, but not with this method.',
    cause: 'A POST where a GET is meant, for example.',
    cure: 'Use a method that the answer’s Allow header names.',
    status: 405,
  },
  BODY_UNWANTED: {
    means: 'The request has a body, and no route of the API takes one.',
    cause: 'A client that sends parameters as a body.',
    cure: 'Send parameters in the address.',
    status: 413,
  },
  HEADERS_TOO_LARGE: {
    means: 'The address and the headers of the request are longer than 16 kB together.',
    cause: 'A very long parameter, or many cookies.',
    cure: 'Send less.',
    status: 431,
  },
  REQUEST_UNREADABLE: {
    means: 'This is no HTTP request.',
    cause: 'Another protocol, such as TLS on a plain port, or a broken client.',
    cure: 'Check the address, http or https.',
    status: 400,
  },
  SERVER_BUSY: {
    means: 'The server has as many followers as it takes.',
    cause: 'Clients that open streams and do not close them, or more than one server is for.',
    cure: 'Try again later, or start another server: they share nothing.',
    status: 503,
  },
  INTERNAL: {
    means: 'Something failed that should not.',
    cause: 'A bug of afterlog.',
    cure: 'See the log of the server, and report it with the line that it wrote.',
    status: 500,
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof catalogue;

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(catalogue, code);

const entryOf = (code: ErrorCode): Entry => catalogue[code];

/** What to do about an error of this code. */
export const cureOf = (code: ErrorCode): string => entryOf(code).cure;

/** Of an answer of the HTTP API; 500 for what it should never meet. */
export const statusOf = (code: ErrorCode): NonNullable<Entry['status']> => entryOf(code).status ?? 500;

export class AfterlogError extends Error {
  readonly code: ErrorCode;
  readonly cure: string;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AfterlogError';
    this.code = code;
    this.cure = cureOf(code);
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
