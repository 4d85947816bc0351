/** An error as it is known before it happens. */
export interface ErrorEntry {
  /** What happened. */
  means: string;
  /** Its usual cause. */
  cause: string;
  /** What to do about it; messages end with it. */
  cure: string;
  /** What to do instead if its cause has one of these codes: of the system, or of an error here. */
  cures?: readonly { readonly on: readonly string[]; readonly cure: string }[];
  /** The status with which the HTTP API answers it. */
  status?: 400 | 401 | 403 | 404 | 405 | 408 | 410 | 413 | 422 | 431 | 500 | 503;
}

/** Too few descriptors, whatever is opened. */
const openFiles = [
  {
    on: ['EMFILE'],
    cure: 'Raise LimitNOFILE in the service’s unit, or `ulimit -n`, and restart the agent.',
  },
  { on: ['ENFILE'], cure: 'Raise fs.file-max: the whole machine has too many open files.' },
] as const;

/**
 * The one catalogue of errors that a person or a client may meet; `npm run docs` makes
 * docs/reference/errors.md from it. A code is never renamed and never reused for something else.
 */
export const catalogue = {
  SETTING_INVALID: {
    means: 'A setting has a value that is not allowed, or the settings file cannot be read.',
    cause: 'The message names the setting, where it was set, the value found and the values allowed.',
    cure: 'Correct it where it is set: afterlog.yaml, the environment, or a flag.',
  },
  SETTING_UNKNOWN: {
    means: 'A name in afterlog.yaml, or an AFTERLOG_ variable, is not a setting.',
    cause: 'Usually a misspelled name; the message suggests the one that was probably meant.',
    cure: 'Correct the name, or remove the setting.',
  },
  USAGE: {
    means: 'The command line is wrong.',
    cause: 'A command, an option or an argument is missing, wrong, or one too many.',
    cure: 'See `afterlog --help`.',
  },
  DATA_DIR_MISSING: {
    means: 'The runtime’s folder, or its folder of sandboxes, does not exist.',
    cause: 'The runtime has not made it yet, or data_dir or layout name another path.',
    cure: 'Set AFTERLOG_DATA_DIR (--data-dir) to the folder that holds the sandboxes.',
  },
  DATA_DIR_UNREADABLE: {
    means:
      'The folder of sandboxes cannot be seen now. The agent retries by itself, and reads on what it holds of the sandboxes that it knows.',
    cause:
      'The rights of the folder were changed, or its file system is gone: the server of a FUSE or network mount ended, or a disk failed.',
    cure: 'Correct what the reason names; the agent looks again each second.',
    cures: [
      { on: ['EACCES', 'EPERM'], cure: 'Let the agent’s user enter and read the folder.' },
      { on: ['ENOTCONN', 'EIO', 'ESTALE', 'ENODEV', 'ENXIO'], cure: 'Mount its file system again.' },
      ...openFiles,
    ],
  },
  DATA_DIR_HIDDEN: {
    means:
      'Another file system than before is mounted at the folder of sandboxes. The agent reads what is there now, and forgets nothing of the sandboxes that it does not see: it reads on when they are back.',
    cause: 'A file system was mounted over the data dir, or the data dir’s own was unmounted.',
    cure: 'Unmount it, or mount the former one again. If it is meant to stay, restart the agent.',
  },
  PINS_LOST: {
    means:
      'The folder of pins was removed or replaced. The agent makes it again, and pins each file again that still has a name; a file without a name is lost, and a gap row says so.',
    cause: 'Somebody removed <data_dir>/.afterlog or a part of it, or mounted a file system over it.',
    cure: 'Leave .afterlog alone: it holds what the agent has not read yet.',
  },
  DATA_DIR_LOCKED: {
    means: 'Another agent reads this data dir.',
    cause: 'A service and an agent started by hand, or two containers that share the folder.',
    cure: 'Stop the other agent: a data dir has one agent, whatever its state dir.',
  },
  STATE_DIR_LOCKED: {
    means: 'Another agent has its spool in this state dir.',
    cause: 'Two agents with different data dirs and the same state_dir.',
    cure: 'Stop the other agent, or give this one its own state dir (AFTERLOG_STATE_DIR).',
  },
  STATE_DIR_UNUSABLE: {
    means: 'The agent cannot write to its state dir. Reading pauses; nothing that was read is lost.',
    cause: 'The folder belongs to another user, is mounted read-only, or its disk fails.',
    cure: 'Correct what the reason names, or set AFTERLOG_STATE_DIR to another folder.',
    cures: [
      {
        on: ['EACCES', 'EPERM'],
        cure: 'Make the state dir writable for the agent’s user, or set AFTERLOG_STATE_DIR to another folder.',
      },
      {
        on: ['EROFS'],
        cure: 'It is read-only: mount it for writing, or set AFTERLOG_STATE_DIR to another folder.',
      },
      { on: ['EIO', 'ENXIO'], cure: 'Its disk fails: check it, or set AFTERLOG_STATE_DIR to another disk.' },
      { on: ['ENOTCONN', 'ESTALE', 'ENODEV'], cure: 'Mount its file system again.' },
      {
        on: ['ENOTDIR', 'EEXIST'],
        cure: 'A file is where a folder should be: remove it, or set AFTERLOG_STATE_DIR.',
      },
      ...openFiles,
    ],
  },
  PINS_UNUSABLE: {
    means:
      'The agent cannot use its folder in the data dir, which holds the pins. It retries by itself; setting another ' +
      'state dir does not help.',
    cause:
      'The folder <data_dir>/.afterlog belongs to another user, is mounted read-only, or its disk fails.',
    cure: 'Correct what the reason names: <data_dir>/.afterlog has to be on the file system of the logs.',
    cures: [
      { on: ['EACCES', 'EPERM'], cure: 'Make <data_dir>/.afterlog writable for the agent’s user.' },
      { on: ['EROFS'], cure: 'Mount the file system of the data dir for writing.' },
      { on: ['EIO', 'ENXIO'], cure: 'Check the disk of the data dir.' },
      { on: ['ENOTCONN', 'ESTALE', 'ENODEV'], cure: 'Mount the file system of the data dir again.' },
      {
        on: ['ENOTDIR', 'EEXIST'],
        cure: 'Remove the file that is where the folder <data_dir>/.afterlog/pins should be.',
      },
      ...openFiles,
    ],
  },
  STATE_DIR_FOREIGN: {
    means:
      'Another user may have made the state dir or the folder of the pins, or a folder or link on the way there.',
    cause:
      'The path lies in a folder where other users may make files, such as /tmp, or is a link of another user.',
    cure: 'Remove it, or name a folder that only root or this user can make, such as /var/lib/afterlog.',
  },
  STATE_DIR_OPEN: {
    means: 'Other users of the machine may enter a folder of the agent, which holds lines of all sandboxes.',
    cause: 'The folder belongs to another user, or holds other things too, so the agent does not close it.',
    cure: 'Give the agent a folder of its own (AFTERLOG_STATE_DIR), owned by its user with the mode 0700.',
  },
  DISK_FULL: {
    means:
      'The disk of the state dir is full, but for a reserve. Reading pauses; pins hold the unread files. What is ' +
      'delivered is deleted first.',
    cause: 'The spool grew while Kafka or ClickHouse were away, or something else filled the disk.',
    cure: 'Free some disk space; the agent then continues by itself.',
    cures: [
      { on: ['EDQUOT'], cure: 'Raise the quota of the agent’s user; the agent then continues by itself.' },
    ],
  },
  SPOOL_FULL: {
    means: 'The spool has reached its limit. Reading pauses; pins hold the unread files.',
    cause: 'Kafka (in direct mode ClickHouse) has been away or too slow for a long time.',
    cure: 'Restore the server that the agent sends to; its log names it. The agent then continues by itself.',
  },
  SPOOL_FORMAT: {
    means: 'The spool has a format that this version of afterlog does not know.',
    cause: 'A newer version wrote it, and an older one was started.',
    cure:
      'Nothing was changed. Start the version that wrote it (a newer one), or move the folder aside: its undelivered ' +
      'rows are lost then.',
  },
  SPOOL_DAMAGED: {
    means:
      'A file of the spool cannot be read, or only in part. The agent reads again what the sandboxes’ files still ' +
      'hold of it; gap rows stand for the rest.',
    cause: 'A power loss, a disk fault, or files that were removed by hand; kill -9 does not cause it.',
    cure: 'Check the disk. The agent repairs the spool by itself.',
  },
  FILE_UNREADABLE: {
    means: 'A file cannot be read. An agent retries by itself, and reads the others.',
    cause:
      'It belongs to another user; its file system fails, such as a FUSE or network mount whose server has ended; or ' +
      'too many files are open. The reason names it.',
    cure: 'Correct what the reason names.',
    cures: [
      {
        on: ['EACCES', 'EPERM'],
        cure: 'Let this user read the file: run as the runtime’s user, or with CAP_DAC_READ_SEARCH.',
      },
      {
        on: ['ENOENT', 'ENOTDIR'],
        cure: 'Nothing if it was removed on purpose; otherwise find out who removes it.',
      },
      { on: ['ENOTCONN', 'ESTALE', 'ENODEV'], cure: 'Its file system is gone: mount it again.' },
      { on: ['EIO', 'ENXIO'], cure: 'Its disk or the server of its file system fails: check it.' },
      { on: ['ENAMETOOLONG'], cure: 'Give the sandbox or the log a shorter name.' },
      { on: ['EISDIR'], cure: 'A folder is where a file should be: remove it.' },
      {
        on: ['SPOOL_FULL', 'DISK_FULL', 'STATE_DIR_UNUSABLE'],
        cure: 'See what the spool waits for (`/healthz`); the agent then reads on.',
      },
      ...openFiles,
    ],
  },
  LOG_NOT_A_FILE: {
    means:
      'Something with a log’s name is not a regular file of its sandbox, or a link is where the folder of a sandbox ' +
      'should be, or a file beside a log has a name that no rotation gives, such as `console.log.bak`. The agent ' +
      'ignores it and reads the other logs.',
    cause:
      'The runtime writes its log elsewhere and links to it, or uses a FIFO; or the guest’s user links to a file of ' +
      'another user; or somebody copied the log.',
    cure:
      'Let the runtime write a regular file there, and rotate it to `.N`, `.old` or a date. The agent does not follow ' +
      'links: a link could make it read any file of the host.',
  },
  LINE_HIDDEN: {
    means: 'A line was hidden whole, because a pattern of redact_patterns would take too many steps on it.',
    cause: 'The pattern has long repetitions, and a long line can match them in very many ways.',
    cure: 'Give the repetitions of the pattern smaller bounds, or sets with fewer characters.',
  },
  FILES_FORGOTTEN: {
    means:
      'More files that were read have left their sandboxes, and still have a name elsewhere, than the agent remembers. ' +
      'It forgets the oldest; those that come back to their folder are read again from their start.',
    cause: 'Folders of sandboxes are moved away and kept, or backups link to their files.',
    cure: 'Nothing is wrong unless such folders come back. Delete those that are not needed any more.',
  },
  HELD_FULL: {
    means:
      'Deleted and rotated files that wait to be read have reached their limit of disk space. The sandbox that holds ' +
      'most loses its oldest files, but for the last bytes of each log; a gap row has the length of each loss.',
    cause: 'Reading has paused for a long time because the spool is full, or the disk has little space left.',
    cure: 'See what the agent waits for (`/healthz`), or give the disk more space.',
  },
  ASIDE_FULL: {
    means:
      'The agent no longer copies unread bytes of live logs aside. Only bytes that are truncated in the meantime are ' +
      'lost; gap rows report them.',
    cause: 'Reading has paused for a long time because the spool is full, or the disk has little space left.',
    cure: 'See what the agent waits for (`/healthz`), or give the disk more space.',
  },
  SANDBOXES_TOO_MANY: {
    means:
      'There are more sandboxes than one agent reads, or more of one user than it may have. It leaves out new ones until others are deleted.',
    cause: 'Folders of ended sandboxes were never deleted.',
    cure: 'Delete folders of ended sandboxes; the agent then reads those that it left out.',
  },
  LINK_IMPOSSIBLE: {
    means:
      'Logs cannot be hard-linked here. Open descriptors hold them instead; a file that is deleted or rotated away while ' +
      'no agent runs is lost, and a gap row says so.',
    cause:
      'fs.protected_hardlinks and a file of another user; data_dir spans file systems; or its file system gives a link ' +
      'another inode number than its file, as plain FUSE does.',
    cure: 'Keep the data dir on a file system with hard links, or accept it, and set AFTERLOG_PINS=descriptor.',
    cures: [
      {
        on: ['EPERM', 'EACCES'],
        cure: 'Run the agent as the runtime’s user or with CAP_FOWNER; or accept it, and set AFTERLOG_PINS=descriptor.',
      },
      {
        on: ['EXDEV'],
        cure: 'Keep the data dir on one file system; or accept it, and set AFTERLOG_PINS=descriptor.',
      },
    ],
  },
  DESCRIPTORS_SHORT: {
    means:
      'All descriptors that may hold logs are taken. Further logs are not read until one is free; one that is ' +
      'deleted before is lost, and a gap row says so. Delivery goes on.',
    cause: 'Logs are held by descriptors, and the process may open too few files.',
    cure: 'Raise LimitNOFILE in the service’s unit, or `ulimit -n`, and restart the agent; or let the agent hold logs by links.',
  },
  WATCHES_EXHAUSTED: {
    means:
      'The system provides no more directory events. The agent polls folders instead, which costs CPU and time.',
    cause: 'fs.inotify.max_user_watches or max_user_instances is used up.',
    cure: 'Raise fs.inotify.max_user_watches, and max_user_instances, then restart the agent.',
  },
  RUNTIME_UNUSABLE: {
    means:
      'The runtime’s agent does not answer with workspaces and templates. Lines are stored without them.',
    cause: 'It is down or slow, refuses the token, or runtime_url is the address of something else.',
    cure: 'Check AFTERLOG_RUNTIME_URL: `curl $AFTERLOG_RUNTIME_URL/sandboxes` lists the sandboxes of this host.',
  },
  KAFKA_UNREACHABLE: {
    means: 'The brokers do not answer. Batches wait in the spool, or in the topic.',
    cause:
      'Brokers are down, the address is wrong, a firewall, TLS on one side only, or an unknown authority.',
    cure: 'Check AFTERLOG_KAFKA_BROKERS and the brokers.',
  },
  KAFKA_REFUSED: {
    means: 'The brokers answer and refuse the request. Batches wait in the spool, or in the topic.',
    cause:
      'A wrong user, password or mechanism; a missing right on the topic or the group; a policy of the brokers.',
    cure:
      'See the brokers’ reason. Set the login with AFTERLOG_KAFKA_SASL_*. If a right is missing, give this user Create, ' +
      'Describe, DescribeConfigs and Write on the topic (a consumer: Read on topic and group, and all of these on ' +
      '<topic>-dlq), or let someone who has them run `afterlog migrate`.',
    cures: [
      {
        on: [
          ...['KafkaJSSASLAuthenticationError', 'SASL_AUTHENTICATION_FAILED'],
          ...['UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE'],
        ],
        cure: 'Correct the login: AFTERLOG_KAFKA_SASL_MECHANISM, _USERNAME and _PASSWORD.',
      },
      {
        on: ['TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED'],
        cure:
          'Give this user Create, Describe, DescribeConfigs and Write on the topic (a consumer: Read on topic and ' +
          'group, and all of these on <topic>-dlq), or let someone who has them run `afterlog migrate`.',
      },
    ],
  },
  KAFKAJS_UNKNOWN: {
    means: 'Another version of kafkajs is installed than the one that this version of afterlog works with.',
    cause: 'kafkajs was updated by hand, or by an override of npm.',
    cure: 'Install afterlog again, or exactly the version of kafkajs that the message names.',
  },
  MESSAGE_TOO_LARGE: {
    means: 'The topic accepts only messages smaller than a batch. Batches wait in the spool.',
    cause: 'max.message.bytes of the topic, or message.max.bytes of the brokers, is below 1 MiB.',
    cure: 'Set max.message.bytes of the topic to Kafka’s default, 1048588, or more; the agent then continues by itself.',
  },
  ROLE_FAULT: {
    means:
      'A role met an exception that nobody foresaw. It starts anew in the same process, from what is durable, as after a kill; only if that repeats does the process end with exit code 1.',
    cause: 'A fault of Afterlog, or of a library or a system call that it relies on.',
    cure: 'Report it with the stack that the log line holds.',
  },
  CLOCK_WRONG: {
    means:
      'The brokers refuse the time of this host as too far from their own. Batches wait in the spool; each try has the time of then.',
    cause:
      'The clock of the host is wrong, by an hour or more, and the topic keeps the stamps of its senders (CreateTime).',
    cure: 'Correct the clock of this host (NTP); the agent then continues by itself.',
  },
  TOPIC_MISSING: {
    means: 'The topic, or a partition that batches are bound to, does not exist. Afterlog waits for it.',
    cause: 'No agent has sent anything yet, or agent and consumer use different topics.',
    cure:
      'Check AFTERLOG_KAFKA_TOPIC here and at the agents; `afterlog migrate`, or the first agent that sends, makes ' +
      'the topic.',
  },
  TOPIC_LOST: {
    means:
      'The topic was deleted or made again. Its batches that had not landed are lost; gap rows report them.',
    cause: 'Somebody deleted it, or its brokers lost their disks.',
    cure: 'Find out who deleted it; agent and consumer continue with the new topic by themselves.',
  },
  CLICKHOUSE_UNREACHABLE: {
    means: 'ClickHouse does not answer. Batches wait, nothing is lost.',
    cause: 'The server is down or starting, or the address is wrong.',
    cure: 'Check AFTERLOG_CLICKHOUSE_URL and the server.',
    cures: [
      {
        on: ['ECONNREFUSED'],
        cure: 'Start ClickHouse, or correct host and port in AFTERLOG_CLICKHOUSE_URL.',
      },
      {
        on: ['ENOTFOUND', 'EAI_AGAIN'],
        cure: 'Correct the name of the host in AFTERLOG_CLICKHOUSE_URL, or this machine’s name service.',
      },
      {
        on: ['HTTP_BUSY'],
        cure: 'See in the proxy’s log why it does not reach ClickHouse, or wants fewer requests.',
      },
    ],
    status: 503,
  },
  CLICKHOUSE_REFUSED: {
    means: 'ClickHouse answered with an error.',
    cause: 'A missing right, a wrong login, a server without memory or disk space, or a wrong query.',
    cure: 'Correct what ClickHouse’s reason names.',
    cures: [
      {
        on: ['AUTHENTICATION_FAILED', 'UNKNOWN_USER', 'WRONG_PASSWORD', 'REQUIRED_PASSWORD'],
        cure: 'Correct AFTERLOG_CLICKHOUSE_USERNAME and AFTERLOG_CLICKHOUSE_PASSWORD.',
      },
      {
        on: ['ACCESS_DENIED'],
        cure: 'Give the user the right that the reason names; `afterlog doctor` lists what it lacks.',
      },
      { on: ['NOT_ENOUGH_SPACE'], cure: 'Give ClickHouse more disk space.' },
      { on: ['MEMORY_LIMIT_EXCEEDED'], cure: 'Give ClickHouse, or this user, more memory.' },
      {
        on: ['TOO_MANY_PARTS'],
        cure: 'Merges are behind: wait, or find what keeps ClickHouse from merging, such as SYSTEM STOP MERGES.',
      },
    ],
    status: 503,
  },
  NOT_CLICKHOUSE: {
    means: 'Something else than ClickHouse answers at its address. Batches wait, nothing is lost.',
    cause:
      'The address, port or path is of something else, such as a web page; a proxy on the way redirects, asks for a ' +
      'login of its own, or does not pass this path on.',
    cure:
      'Set AFTERLOG_CLICKHOUSE_URL to ClickHouse’s HTTP interface, with the path if a proxy serves it below one: ' +
      '`curl <address>/ping` answers `Ok.` there.',
    cures: [
      {
        on: ['HTTP_REDIRECT'],
        cure: 'Set AFTERLOG_CLICKHOUSE_URL to the address where ClickHouse itself answers: redirects are not followed.',
      },
      {
        on: ['HTTP_LOGIN'],
        cure: 'Let the proxy pass this host without a login of its own, or set AFTERLOG_CLICKHOUSE_URL to go past it.',
      },
    ],
    status: 503,
  },
  CLICKHOUSE_TLS: {
    means: 'No TLS connection to ClickHouse comes about. Batches wait, nothing is lost.',
    cause:
      'An authority of your own signed the certificate, it is of another name or has expired, or the other side wants ' +
      'a client certificate.',
    cure: 'Name the file of your authorities in AFTERLOG_CLICKHOUSE_TLS_CA_FILE.',
    cures: [
      {
        on: ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE'],
        cure:
          'Name the files of a client certificate in AFTERLOG_CLICKHOUSE_TLS_CERT_FILE and ' +
          'AFTERLOG_CLICKHOUSE_TLS_KEY_FILE.',
      },
      {
        on: ['ERR_TLS_CERT_ALTNAME_INVALID'],
        cure: 'Use the name that is in the certificate in AFTERLOG_CLICKHOUSE_URL.',
      },
      {
        on: ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'],
        cure: 'Renew the certificate, or correct this clock.',
      },
      {
        on: ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'EPROTO'],
        cure: 'This port does not speak TLS: write http:// in AFTERLOG_CLICKHOUSE_URL, or correct the port.',
      },
    ],
    status: 503,
  },
  BODY_REFUSED: {
    means:
      'A proxy before ClickHouse refuses the body of a request as too large (413). Batches wait, nothing is lost, and ' +
      'none is set aside.',
    cause: 'The proxy’s limit is smaller than a single batch; usually INSERTs are made as small as it wants.',
    cure:
      'Raise the proxy’s limit for bodies of requests to 2 MiB or more, better 128 MiB: in nginx ' +
      '`client_max_body_size 128m;`.',
    status: 503,
  },
  SQL_READ_ONLY: {
    means: '`afterlog sql` refused a query that may change something, or that has a SETTINGS clause.',
    cause: 'Without --write, the command only reads tables.',
    cure: 'If it is meant, repeat it with --write: `afterlog sql --write "…"`.',
  },
  SCHEMA_BEHIND: {
    means: 'The database has no schema, or an older one. Batches wait, nothing is lost.',
    cause: 'afterlog was updated and the database was not, or the database’s name is wrong.',
    cure: 'Run `afterlog migrate` with this version of afterlog, or correct AFTERLOG_CLICKHOUSE_DATABASE.',
    status: 503,
  },
  SCHEMA_AHEAD: {
    means: 'The database has migrations that this version of afterlog does not know.',
    cause: 'A newer version on another machine has migrated the database.',
    cure: 'Update afterlog on this machine.',
  },
  TABLE_LOST: {
    means: 'A table that a migration made is gone, and its rows with it.',
    cause: 'Somebody dropped or renamed it, or the database was restored in part.',
    cure:
      'Get it back: `UNDROP TABLE` within minutes of a DROP, a RENAME, or a backup. ' +
      'To go on without its rows: `afterlog migrate --replace-lost`.',
    status: 503,
  },
  MIGRATION_CHANGED: {
    means: 'The content of a migration differs from the one that was applied.',
    cause: 'A file in schemas/ was edited.',
    cure: 'A released migration must not change: restore the file, and put the change into a new one.',
  },
  MESSAGE_UNREADABLE: {
    means:
      'Messages of the topic cannot be decoded, or unpack to more than a consumer takes. They are set aside as they ' +
      'came, and the consumer goes on.',
    cause: 'Another program writes to the topic, or a disk or a broker damaged the messages.',
    cure:
      'Find the sender: only agents should have Write on the topic. With compression.type=uncompressed the brokers ' +
      'unpack what a producer compressed.',
  },
  CODEC_MISSING: {
    means: 'A message of the topic is compressed, and the package that unpacks it is not there. It waits.',
    cause: 'afterlog was installed without optional packages, or for another platform.',
    cure: 'Install afterlog again on this machine, without --omit=optional; the consumer then continues by itself.',
  },
  BATCH_DAMAGED: {
    means: 'A message in the topic is not a whole batch.',
    cause: 'Something else writes to the topic, or a broker lost part of a message.',
    cure: 'The dead-letter topic, <topic>-dlq, keeps the message, with the reason in its headers: see `afterlog dlq`.',
  },
  SIGNATURE_WRONG: {
    means:
      'A batch has a signature that its host cannot have made. It is set aside, and nothing takes its place.',
    cause:
      'Somebody sends batches in the name of another host, the host has a key of a master key that the consumer ' +
      'does not have, or something changed the message.',
    cure:
      'Find the sender. If the master key is only missing here, add it to AFTERLOG_KAFKA_BATCH_KEY and replay the ' +
      'batch with `afterlog dlq replay`.',
  },
  SIGNATURE_MISSING: {
    means:
      'A batch is not signed, and the consumer requires signatures. It is set aside, and nothing takes its place.',
    cause: 'An agent has no kafka.batch_key yet, or somebody sends batches in the name of its host.',
    cure:
      'Give the agent the key that `afterlog token --host NAME` prints. A batch that is surely of its host: ' +
      '`afterlog dlq replay ID --kafka-batch-signatures verify`.',
  },
  BATCH_REFUSED: {
    means: 'A batch can never land. It is set aside, and gap rows stand in its place.',
    cause:
      'The batch is damaged, ClickHouse refuses its rows (somebody changed a constraint or a type of the table), or ' +
      'the broker refuses it (a smaller message limit).',
    cure:
      '`afterlog dlq` shows the batch with the reason, and replays it once it can land; without Kafka both are in ' +
      '<state dir>/refused.',
  },
  BATCHES_MISSING: {
    means: 'Batches never arrived. A gap row stands in their place.',
    cause: 'The topic’s retention was shorter than an outage of the consumer, or a spool or topic was lost.',
    cure: 'Give the topic a retention of days, and find what deleted the batches; missing batches cannot be recovered.',
  },
  BATCH_UNEXPLAINED: {
    means:
      'Batches are missing before a batch, and its topic lacks no messages that can have held them. It is set ' +
      'aside, and nothing takes its place.',
    cause:
      'Somebody sends batches in the name of another host, a broker lost the end of its log, or somebody moved ' +
      'the offset of the consumer group ahead.',
    cure:
      'Find the sender; signed batches (kafka.batch_key) prevent this. A host that truly lost batches is believed ' +
      'again after as many more, or after a restart of its agent; then `afterlog dlq replay`.',
  },
  LETTER_UNKNOWN: {
    means: 'There is no dead letter with this number.',
    cause: 'The number is misspelled or belongs to another topic, or retention has deleted the letter.',
    cure: 'List the dead letters with `afterlog dlq`.',
  },
  LETTER_OPEN: {
    means:
      'A dead letter cannot be dismissed: it can be replayed, or it was replayed already. Nothing was dismissed.',
    cause: 'Gap rows are in its place, its rows are there, or its rows are still on their way.',
    cure: 'Replay it with `afterlog dlq replay ID`. Name only letters that can never be replayed.',
  },
  EMBEDDED_MISSING: {
    means: 'ClickHouse as a library is not installed; only `afterlog up` needs it.',
    cause: 'The library is large, so an installed afterlog does not include it.',
    cure: 'Install the embedded ClickHouse once with `npm install -g chdb@3.4.0 ffi-rs@1.3.7`.',
  },
  EMBEDDED_IN_USE: {
    means: 'Another process uses the folder of the embedded ClickHouse.',
    cause: 'An `afterlog up` runs in another terminal.',
    cure: 'Use the `afterlog up` that runs in this folder already, or stop it first (Ctrl-C).',
  },
  EMBEDDED_FAILED: {
    means: 'The embedded ClickHouse did not start.',
    cause: 'Another process uses its port, or there is no memory left.',
    cure: 'See the output of ClickHouse above; another server may use the port.',
  },
  EMBEDDED_UNCONFINED: {
    means: 'The system does not keep the embedded ClickHouse in its folder: it has no Landlock.',
    cause: 'Linux before 5.19, a kernel or a container without Landlock, or macOS.',
    cure: 'Use a kernel with Landlock, or add no users to the embedded ClickHouse: they could read files.',
  },
  KAFKA_LOCAL_FAILED: {
    means: 'The local Kafka of demo and tests did not start.',
    cause: 'No network for its one download, no memory, or a port that is in use.',
    cure: 'See the output above; set AFTERLOG_KAFKA_BROKERS to use brokers that already run.',
  },
  JAVA_MISSING: {
    means: 'A local Kafka needs Java and Maven.',
    cause: 'They are not installed, or not on the PATH.',
    cure: 'Install Java and Maven: apt-get install -y default-jre-headless maven',
  },
  DEMO_DIR_FOREIGN: {
    means: 'The demo does not run in a folder that holds other sandboxes.',
    cause: 'AFTERLOG_DATA_DIR names the folder of a real runtime.',
    cure: 'The demo deletes the contents of its folder: unset AFTERLOG_DATA_DIR, or name an empty folder.',
  },
  UP_UNRECORDED: {
    means: 'A running `afterlog up` cannot write down its address.',
    cause: 'The home folder or the state dir is read-only.',
    cure: 'Give commands in other terminals the address with --clickhouse-url.',
  },
  PORT_IN_USE: {
    means: 'Another process listens on the address.',
    cause: 'Another afterlog, or another program.',
    cure:
      'Stop that process, or set another address (AFTERLOG_LISTEN, --listen; for agent and consumer ' +
      'AFTERLOG_AGENT_LISTEN, AFTERLOG_CONSUMER_LISTEN).',
  },
  FILE_MISSING: {
    means: 'There is no file at the given path.',
    cause: 'The path is misspelled, or it is a folder.',
    cure: 'Check the path.',
  },
  SANDBOX_UNKNOWN: {
    means: 'No sandbox with this id was ever seen, or it belongs to another workspace than the token.',
    cause: 'The id is misspelled, or its first lines have not arrived yet.',
    cure: 'Check the id with `afterlog sandboxes`.',
    status: 404,
  },
  AGENT_UNREACHABLE: {
    means: 'No agent answers on this host.',
    cause: 'It does not run, or listens on another address.',
    cure: 'Start the agent, or set AFTERLOG_AGENT_LISTEN to the address that it listens on.',
  },
  ID_INVALID: {
    means: 'A text cannot be the id of a sandbox, so no agent is asked for it.',
    cause:
      'An id is the name of one folder: it has no slash and no NUL, does not begin with a dot, and is not too long. ' +
      'An earlier version stored ids that are paths.',
    cure: 'Give the sandbox another id. Logs that are stored under this one can be read and erased.',
    status: 400,
  },
  FLUSH_UNKNOWN: {
    means: 'The agent has no log of this sandbox open.',
    cause: 'The id is misspelled, the sandbox is on another host, or its logs are sealed already.',
    cure: 'Check the id. If the sandbox was deleted a while ago, all its bytes are safe already.',
    status: 404,
  },
  FLUSH_LATE: {
    means: 'The agent could not make all bytes of the sandbox safe in time.',
    cause:
      'Reading is paused, a file cannot be read, or the disk of the spool is slow; the message names the cause.',
    cure: 'Try again; `/healthz` of the agent shows what it waits for.',
    status: 503,
  },
  TOKEN_MISSING: {
    means: 'The server requires a token, and the request has none.',
    cause: 'No Authorization header, or not a Bearer one.',
    cure: 'Send `Authorization: Bearer <token>`.',
    status: 401,
  },
  TOKEN_UNKNOWN: {
    means: 'The server does not know the token.',
    cause:
      'The token was changed or mistyped, or the server’s hash is of another text (for example with a line break).',
    cure: 'Check that AFTERLOG_TOKENS holds the SHA-256 of exactly this token.',
    status: 401,
  },
  SCOPE_MISSING: {
    means: 'The token is known and does not allow this.',
    cause:
      'The token lacks the scope, or it is bound to a workspace and the request is about all workspaces.',
    cure: 'Use another token, or widen this one in AFTERLOG_TOKENS.',
    status: 403,
  },
  LOOPBACK_ONLY: {
    means: 'The address has no token, so it serves only processes of its own machine.',
    cause:
      'A request from another machine, through a proxy, for another host name, or from a web page of another site.',
    cure: 'Set AFTERLOG_TOKENS (for an agent or a consumer AFTERLOG_AGENT_TOKEN) to serve others.',
    status: 403,
  },
  AGENT_TOKEN_WRONG: {
    means: 'The agent or consumer requires its token, and the request has none, or another one.',
    cause:
      'AFTERLOG_AGENT_TOKEN is not set, or it or the name of the host differs between the agent and the one who asks.',
    cure: 'Set AFTERLOG_AGENT_TOKEN to the same value on agents, consumers and servers.',
    status: 401,
  },
  PARAMETER_INVALID: {
    means: 'A parameter or a header of the request has a value that is not allowed.',
    cause: 'The answer names it, the value found and the values allowed.',
    cure: 'Correct the request.',
    status: 400,
  },
  NOT_FOUND: {
    means: 'The API has nothing at this path.',
    cause: 'The path is misspelled, or the server is older.',
    cure: 'Check the path.',
    status: 404,
  },
  WAIT_TIMEOUT: {
    means: 'The expected line did not arrive in time.',
    cause: 'The line never comes, its text differs, or a boot took longer.',
    cure: 'Wait longer (timeout, --timeout), or read the log. The text has to occur in one line exactly as given.',
    status: 408,
  },
  LOG_ENDED: {
    means: 'The sandbox was deleted before the expected line arrived.',
    cause: 'The sandbox ended or failed before it wrote the line.',
    cure: 'Read its last lines with `afterlog logs ID`.',
    status: 410,
  },
  QUERY_TOO_BROAD: {
    means: 'The query would take more time or memory than one query may use.',
    cause: 'It covers many days of all sandboxes.',
    cure: 'Narrow it: a later since, an earlier until, one sandbox, one source.',
    status: 422,
  },
  ERASE_DENIED: {
    means: 'The ClickHouse user may not erase. Nothing was changed.',
    cause: 'Erasing inserts gap rows and deletes rows, which a user with read rights only may not do.',
    cure: 'Let an administrator of ClickHouse run the GRANT in the message; `afterlog doctor` checks it.',
    status: 500,
  },
  ERASE_TOO_LARGE: {
    means: 'The logs of this sandbox have more parts than one erase handles. Nothing was changed.',
    cause: 'The sandbox’s logs were truncated, or its agent was started, more than 100,000 times.',
    cure: 'Delete its rows by hand in ClickHouse, once the topic’s retention has passed.',
    status: 422,
  },
  METHOD_UNKNOWN: {
    means: 'The API has this path, but not with this method.',
    cause: 'A POST instead of a GET, for example.',
    cure: 'Use a method from the Allow header of the answer.',
    status: 405,
  },
  BODY_UNWANTED: {
    means: 'The request has a body, and no route of the API accepts one.',
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
    means: 'This is not an HTTP request.',
    cause: 'Another protocol, such as TLS on a plain port, or a broken client.',
    cure: 'Check the address, http or https.',
    status: 400,
  },
  SERVER_BUSY: {
    means: 'The server has reached its limit of followers.',
    cause: 'Clients open streams and do not close them, or there are more followers than one server handles.',
    cure: 'Try again later, or start another server: they share nothing.',
    status: 503,
  },
  INTERNAL: {
    means: 'An unexpected failure.',
    cause: 'A bug of afterlog.',
    cure: 'Report it, with the line that the server wrote to its log.',
    status: 500,
  },
} as const satisfies Record<string, ErrorEntry>;
