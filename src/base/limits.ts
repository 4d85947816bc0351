/**
 * Every bound of the product, by the part that keeps it. A part that reaches a limit reports it (log line,
 * metric or gap row); no limit is silent. Names contain their units. `npm run docs` makes
 * docs/reference/limits.md from this file.
 */

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const limits = {
  /** Lines and what the parser remembers of a console. */
  parse: {
    /** The longest physical line of one row; a longer line becomes several rows of one entry. */
    line_bytes_max: 64 * KIB,
    /**
     * A timestamp this far before its line can have been written, or this far after it was read, is not
     * believed.
     */
    clock_skew_max_s: 120,
    /** An entry with more bytes continues as a new entry. */
    entry_bytes_max: MIB,
    /** An entry with more lines continues as a new entry. */
    entry_lines_max: 10_000,
    /** Bytes that other sources may write between two lines of an entry. */
    entry_pause_bytes_max: 64 * KIB,
    /**
     * Sources of one stream whose last entry the parser remembers; it forgets the source that was silent
     * longest.
     */
    open_entries_max: 8,
    /** Names of sources that one stream may add; lines of further sources have the source `app`. */
    stream_sources_max: 64,
    /** Names of sources of all living streams of an agent; lines of further sources have the source `app`. */
    sources_max: 4_096,
    /**
     * Pause between two times that the agent forgets the sources of streams that are over, and shares out the
     * rest.
     */
    sources_sweep_ms: 10_000,
    /** Names of events that the runtimes of one agent may add; rows of further events have none. */
    events_max: 1_024,
    /** Titles that one stream may add; a further crash has the name of its event as title. */
    stream_titles_max: 512,
    /** Titles of one batch; a further crash has the name of its event as title. */
    titles_max: 16_384,
    /** Lines after a crash's headline in which the parser looks for the function that the title names. */
    crash_lines_max: 1_000,
    /** Crashes of one console whose titles the parser looks for at the same time. */
    open_crashes_max: 4,
    /** Seconds since boot between two headlines of one incident. */
    incident_s: 5,
    /** Seconds since boot between two headlines of one hang, which the kernel reports again and again. */
    hang_incident_s: 300,
    /**
     * Up to this time since boot, a repeated first line of the kernel is the early console's and no new boot.
     */
    early_console_s: 2,
    /** Lines of programs that may announce that a boot is ready; after them the boot has no such line. */
    boot_lines_max: 1_000,
  },

  /** Batches: one block, one Kafka message. */
  batch: {
    /** Rows of one batch; keeps the dictionary indexes of a block within 16 bits. */
    rows_max: 32_768,
    /** Uncompressed bytes of a block; zstd's worst case adds less than 1 %. */
    block_bytes_max: 880 * KIB,
    /** A Kafka message, and the sum of one send; the broker's default of 1 MiB leaves room for framing. */
    message_bytes_max: 900 * KIB,
    /** Time that a batch waits for more lines before it is full. */
    linger_ms: 100,
    /**
     * Uncompressed bytes of a block that a consumer takes and a decoder unpacks: twice as many as an agent
     * puts into one, for later versions.
     */
    taken_bytes_max: 2 * MIB,
    /** Days between the day of a batch and that of the consumer: each day is a partition of the table. */
    days_off_max: 400,
    /** Rows of such a block, and keys of a dictionary in it. */
    taken_rows_max: 65_536,
    /** Memory that a zstd frame may demand for its window; a frame of an agent needs less than its block. */
    window_bytes_max: 8 * MIB,
  },

  /** Reading the files of sandboxes. */
  tail: {
    /** Bytes that the agent reads from one file before the next file has its turn. */
    read_chunk_bytes: 256 * KIB,
    /** Bytes of long NULs, of all files together, that the agent steps over each second. */
    hole_bytes_per_s: 256 * MIB,
    /** Bytes before the position that every read compares with the bytes that were read before. */
    overlap_bytes: 512,
    /** Bytes that the agent compares each second with what it read of files that grew, all files together. */
    compare_bytes_per_s: 16 * MIB,
    /**
     * Memory for checksums of what was read, of all logs that rest. With more logs each has fewer and longer
     * blocks: what a writer that starts over left of the former content is known less exactly.
     */
    sums_bytes_max: 32 * MIB,
    /** Quiet time at its end after which the agent closes a file that was deleted. */
    quiet_ms: 1_000,
    /**
     * Quiet time at its end after which the agent closes a file whose writer has moved on to the next one.
     */
    superseded_ms: 300,
    /**
     * Of the files that the agent may have open, those that hold no log: for sockets, spool and looks at
     * folders. At most three quarters.
     */
    descriptors_reserved: 256,
    /** New files that one name of a log may show within a second; further ones wait for the next second. */
    pins_per_name_per_s: 100,
    /**
     * Time after which the agent seals a sandbox whose folder was moved away; a deleted one is sealed after
     * `quiet_ms`. A folder that is back before goes on in the same stream.
     */
    away_ms: 10_000,
    /**
     * Files of one log that were read, have left its folder and still have a name elsewhere: the agent does
     * not read them again if they come back. It forgets the oldest first.
     */
    files_remembered_max: 16,
    /** Sealed sandboxes with such files that the agent remembers; it forgets the oldest first. */
    sandboxes_remembered_max: 5_000,
    /**
     * A file's birth that is later than now by more than this was set by a wrong clock: its stream starts at
     * the host clock.
     */
    birth_ahead_ms_max: 86_400_000,
    /**
     * Time after which the agent stores an unfinished line as far as it goes; its next piece waits twice as
     * long.
     */
    unfinished_first_ms: 2_000,
    /** The longest that a piece of an unfinished line waits. */
    unfinished_longest_ms: 60_000,
    /** Interval at which the agent lists the folders again, for changes without an event. */
    reconcile_ms: 1_000,
    /** Polling interval where the system has no directory events, or no watches left. */
    poll_ms: 250,
    /** A longer pause of the agent counts as time in which nobody watched the folders that it polls. */
    stall_ms: 2_000,
    /** Longest sandbox id; Linux allows 255 bytes a file name, and a pin's name holds more than the id. */
    sandbox_id_bytes_max: 150,
    /** Sandboxes that the agent knows at a time, at 20 kB of memory each; further ones wait, unlinked. */
    sandboxes_max: 50_000,
    /** Share of them for folders of one user other than root, so that one tenant does not take all places. */
    owner_share: 0.9,
  },

  /** Sharing out what is on its way: read, and not delivered yet. */
  fair: {
    /** Cost of a row beside its bytes, for tiny lines cost as much as others to parse and to store. */
    row_cost_bytes: 64,
    /** Past the cost that is delivered in this time, sandboxes over their fair share are not read. */
    delay_ms: 250,
    /** The least cost on its way past which they are not read, however little was delivered of late. */
    window_bytes_min: 8 * MIB,
    /** The most, however much is delivered. */
    window_bytes_max: 32 * MIB,
    /** Cost that each sandbox may have on its way in any case. */
    share_bytes_min: MIB,
    /** Time without a delivery after which nothing is gained by keeping the queue short. */
    outage_ms: 5_000,
    /** From then on each sandbox may have this share of the spool's room on its way. */
    outage_share: 1 / 16,
    /** Time over which the rate of delivery is measured. */
    rate_over_ms: 1_000,
    /** Costs of sandboxes in entries of the spool that are kept apart; further ones are added up. */
    noted_max: 65_536,
    /** Rows of one sandbox after which the others have their turn, also within a chunk of tiny lines. */
    turn_rows: 16_384,
  },

  /** Deleted and rotated files that only the agent's pins keep. */
  held: {
    /** Unread bytes of one live file that are copied aside while they cannot be read. */
    aside_bytes_max: 256 * MIB,
    /** The same, as a share of the room that all such copies have left, so that others have some. */
    aside_share: 0.25,
    /**
     * Disk space of held files; past it the sandbox that holds most loses its oldest, and a gap row tells how
     * much.
     */
    bytes_max: 4 * GIB,
    /** The same, as a share of the space that would be free without held files. */
    free_disk_share: 0.5,
    /** The last bytes of each log that stay then; less of each where there is no room for all. */
    kept_bytes: 256 * KIB,
    /** Time of each second that letting go of files may hold the thread. */
    turn_ms: 50,
  },

  /** The user's patterns for redaction. */
  redact: {
    /** Patterns; several can be one, with `|`. */
    patterns_max: 100,
    /** Characters of a pattern. */
    pattern_characters_max: 2_048,
    /** Characters of a pattern whose repetitions are written out: `a{3}` has 3. */
    places_max: 4_096,
    /** Entries of a pattern's table, which matches a byte with one look-up. */
    table_entries_max: 65_536,
    /** Memory of the sets of places that the rows of a pattern's table stand for. */
    table_sets_bytes_max: 4 * MIB,
    /**
     * Steps that all patterns may take on one line beside the look-ups, some nanoseconds each. A line that
     * needs more is hidden whole and counted. The number depends only on the patterns and the line, so that a
     * line that is read again is hidden again.
     */
    line_steps_max: 4_000_000,
  },

  /** Workspace and template of a sandbox. */
  labels: {
    /** Longest text of one label. */
    text_bytes_max: 128,
    /** Largest `sandbox.json` that the agent reads. */
    file_bytes_max: 64 * KIB,
    /** Largest answer of the runtime that the agent reads. */
    body_bytes_max: 32 * MIB,
    /** Time for the runtime to answer. */
    timeout_ms: 5_000,
    /** Concurrent requests to a runtime that has no list. */
    at_once: 20,
    /** Time in which the agent gathers new sandboxes before it asks the runtime. */
    gather_ms: 20,
    /** First pause between two tries. */
    pause_ms: 1_000,
    /** Longest pause between two tries. */
    pause_max_ms: 60_000,
    /** Tries for one sandbox; after them the agent asks again only when the sandbox writes. */
    tries_max: 10,
    /** Reads of `sandbox.json` where no runtime can be asked. */
    file_tries: 5,
    /** Age up to which the agent does not ask for a label again. */
    fresh_ms: 60_000,
  },

  /** The agent as a process. */
  agent: {
    /** `flush` reports after this time that not all bytes are safe. */
    flush_ms: 10_000,
    /** Time in which a stopping agent delivers; the rest of the spool waits for the next start. */
    stop_ms: 5_000,
  },

  /** The agent's queue on disk. */
  spool: {
    /** Size at which a segment is closed; a delivered segment is deleted whole. */
    segment_bytes_max: 64 * MIB,
    /** The same, as a share of the disk. */
    segment_disk_share: 1 / 32,
    /** Space that is given back when the disk is full, so that what frees space can be written. */
    reserve_bytes: 4 * MIB,
    /** The same, as a share of the disk. */
    reserve_disk_share: 1 / 8,
    /** Undelivered bytes; at this size reading pauses, and the pins hold the unread bytes. */
    bytes_max: GIB,
    /** Interval at which the holder of the lock touches it. */
    lock_touch_ms: 2_000,
    /** A holder in another container counts as alive if it touched the lock within this time. */
    lock_alive_ms: 10_000,
  },

  /** Sending to a broker or to ClickHouse. */
  send: {
    /** Spooled batches of one send. */
    batches_max: 256,
    /** First pause between two tries against a server that does not answer. */
    retry_first_ms: 200,
    /** Longest pause between two tries. */
    retry_longest_ms: 10_000,
  },

  /** Connections to brokers. */
  kafka: {
    /** Time to connect. */
    connect_ms: 5_000,
    /** Time for an answer; then the connection counts as lost. Joining a group may take longer. */
    answer_ms: 30_000,
    /** Interval at which a connection looks for requests without an answer. */
    answers_look_ms: 100,
  },

  /** INSERTs into ClickHouse. */
  insert: {
    /** Rows of one INSERT, which is one block and lands whole or not at all. */
    rows_max: 500_000,
    /** Bytes of one INSERT. */
    bytes_max: 128 * MIB,
    /** Time after which the lander looks up the fate of an INSERT instead of waiting. */
    timeout_ms: 120_000,
    /**
     * Time after a proxy refused the size of an INSERT before a larger one than it took is tried again.
     */
    body_retry_ms: 600_000,
    /** Average distance of one consumer's small INSERTs; each makes a part that ClickHouse has to merge. */
    interval_ms: 50,
    /** Epochs whose highest landed batch stays in memory; older ones are looked up again. */
    landed_epochs_max: 10_000,
  },

  /** Reading from Kafka. */
  consume: {
    /** One fetch of a partition: about the rows of one INSERT, at 15 bytes a row after compression. */
    fetch_partition_bytes: 8 * MIB,
    /** One fetch of all partitions. */
    fetch_bytes_max: 32 * MIB,
    /**
     * Bytes to which compressed messages may unpack: those of one record batch, or else they are set aside,
     * and about those of one partition in one fetch.
     */
    unpacked_bytes_max: 8 * MIB,
    /** Time that the broker holds a fetch that finds nothing; it answers with the first byte. */
    fetch_wait_ms: 500,
    /** Time within which the consumer reads a partition that was added to the topic. */
    partitions_seen_ms: 10_000,
    /** Partitions whose fetches one consumer holds at the same time. */
    partitions_fetched: 100,
    /** Partitions that one consumer lands at the same time. */
    partitions_at_once: 4,
    /** Epochs that the metadata of an offset names after a loss. Kafka allows 4 KiB of metadata. */
    evidence_epochs_max: 400,
    /** Epochs with jumps that were set aside, in the same metadata. */
    evidence_jumps_max: 40,
    /** Interval at which the consumer measures its lag, also while ClickHouse is away. */
    lag_ms: 10_000,
    /** Longest time between two heartbeats of a consumer that waits for ClickHouse. */
    alive_ms: 2_000,
    /** Time after which a consumer that checks messages sends a heartbeat and lets others run. */
    check_ms: 100,
    /**
     * Time that a consumer waits for its running INSERT when it hands a partition over; then the fate stays
     * open.
     */
    handover_ms: 5_000,
    /** Silence after which the group counts a consumer as dead. */
    session_ms: 6_000,
    /** Time for all members to rejoin the group. */
    rebalance_ms: 30_000,
    /** Time for a stopping consumer to leave its group. */
    stop_ms: 15_000,
  },

  /** Topics, `afterlog topic` and `afterlog dlq`. */
  topic: {
    /** Time for the brokers to know a topic that was just made. */
    known_ms: 30_000,
    /** Consecutive fetches that may fail or return nothing before a reading command gives up. */
    tries_max: 10,
    /** Batches of each partition that `afterlog topic` shows by default. */
    last_default: 3,
    /** Batches of each partition that `afterlog topic` reads by default when a filter is given. */
    filtered_default: 1_000,
    /** Rows of each batch that `afterlog topic` shows by default. */
    rows_default: 10,
    /** Text that `afterlog topic --follow` collects before it writes. */
    write_chars: 64 * KIB,
    /** Epochs whose batches `afterlog topic --follow` remembers, so that it shows each batch once. */
    epochs_max: 10_000,
    /** Runs of sequences that it remembers of each epoch. */
    runs_max: 16,
    /** Time between two of its messages about batches that it leaves out. */
    told_ms: 1_000,
    /** Time for its running write after Ctrl-C. */
    end_ms: 1_000,
    /** If the topic is made again, it reads what was sent since so long before its last fetch. */
    again_ms: 600_000,
    /** Dead letters that `afterlog dlq` lists by default. */
    letters_default: 100,
    /** Dead letters that `afterlog dlq` lists at most. */
    letters_max: 100_000,
    /** Dead letters that `afterlog dlq` looks up and replays together. */
    letters_at_once: 100,
    /** Characters of a reason in the list of dead letters. */
    reason_chars: 80,
    /** Kinds of reasons that `afterlog dlq --count` tells apart; the others count together. */
    reasons_max: 100,
    /** Dead letters of each state that `afterlog dlq replay --all` names as left. */
    left_named: 5,
    /** Parts of streams that `afterlog dlq dismiss` names for each dead letter; with --json: all. */
    parts_shown: 20,
  },

  /** Reading logs from ClickHouse, for the API and the commands. */
  read: {
    /** `tail=` of the logs API, at most. */
    tail_lines_max: 100_000,
    /** `tail=` of the logs API, by default. */
    tail_lines_default: 1_000,
    /** `limit=` of the logs API, at most. */
    page_lines_max: 10_000,
    /** `wait`: seconds by default. */
    wait_s_default: 30,
    /** `wait`: seconds at most. */
    wait_s_max: 600,
    /** Lines of a tail that one query reads, unless the lines are long. */
    short_tail_lines: 5_000,
    /** Such queries of one server at the same time; further tails share the next ones. */
    tail_queries: 4,
    /** Tails that share one query. */
    tails_shared_max: 16,
    /** Bytes that a shared query may read for each of its tails; past them each tail has its own query. */
    shared_tail_bytes: 4 * MIB,
    /** Time in which tails have their own queries after a shared one was too large. */
    tails_apart_ms: 1_000,
    /** Rows of one read; with the longest lines that is 64 MB. */
    rows_max: 1_000,
    /** Text bytes of one read of raw bytes, which bounds the memory of a reader. */
    bytes_max: 8 * MIB,
    /**
     * `afterlog logs` joins the rows of one line up to this size; the rest is another line that begins with
     * `…`.
     */
    joined_bytes_max: MIB,
    /** Time after which a query for a reader is given up. */
    query_ms_max: 30_000,
    /** Time that a snapshot of a live log waits until everything that its agent has read is stored. */
    last_bytes_ms: 5_000,
    /** Pause between two looks whether it is stored. */
    last_bytes_look_ms: 50,
    /**
     * A log that its agent no longer has open waits for its seal only if its last row is younger than this.
     */
    seal_awaited_ms: 30_000,
    /** Time in which an agent that did not answer is not asked again. */
    agent_silent_ms: 10_000,
    /** Largest answer of an agent that a server reads. */
    agent_answer_bytes_max: MIB,
  },

  /** Following logs. */
  follow: {
    /** Interval at which `afterlog logs --follow` polls ClickHouse. */
    poll_ms: 200,
    /** Interval at which a server polls ClickHouse, once for all of its followers. */
    hub_poll_ms: 50,
    /** Logs of one such query. */
    hub_logs: 1_000,
    /** Rows of one such query; a follower of a log that has more reads from the table by itself. */
    hub_rows_max: 50_000,
    /** Bytes of one such query. */
    hub_bytes_max: 128 * MIB,
    /** Rows that wait for a slow follower; past them it reads from the table when it goes on. */
    queued_rows_max: 5_000,
    /** Bytes that wait for a slow follower. */
    queued_bytes_max: 4 * MIB,
    /** Followers of one server. */
    followers_max: 20_000,
    /** Interval of the comment that keeps proxies from closing an event stream. */
    heartbeat_ms: 15_000,
  },

  /** Questions over all sandboxes. */
  question: {
    /** Time of one query. */
    ms_max: 20_000,
    /** Memory of one query in ClickHouse. */
    memory_bytes_max: 2 * GIB,
    /** Size of one answer. */
    answer_bytes_max: 64 * MIB,
    /** Threads of ClickHouse for one query. */
    threads: 4,
    /** Sandboxes of one list, at most. */
    sandboxes_max: 10_000,
    /** Sandboxes of one list, by default. */
    sandboxes_default: 100,
    /** Boots or crashes of one list, at most. */
    boots_max: 1_000,
    /** Boots or crashes of one list, by default. */
    boots_default: 50,
    /** `afterlog boots` and `crashes` look back this far by default. */
    boots_ago_ms: 86_400_000,
  },

  /** Search and histogram. */
  search: {
    /** Characters of a search text, and of a list of names. */
    chars_max: 1_000,
    /** Time after which a search over several days stops between two of them and reports where. */
    ms_max: 10_000,
    /** Lines of one answer, at most. */
    lines_max: 1_000,
    /** Lines of one answer, by default. */
    lines_default: 50,
    /** Lines of context around each line that was found. */
    context_max: 50,
    /** Concurrent reads of such context. */
    reads: 8,
    /** Buckets of a histogram, at most. */
    buckets_max: 1_000,
    /** Buckets of a histogram, by default. */
    buckets_default: 60,
    /** Sources of one bucket. */
    names_max: 50,
  },

  /** `afterlog verify`. */
  verify: {
    /** Rows of one query. */
    rows: 250_000,
    /** Streams of one query. */
    streams: 10_000,
    /** Ranges of positions that it keeps of one stream. */
    ranges: 1_000,
    /** Reasons that it names for one hole. */
    reasons: 10,
    /** Interval of its progress on stderr. */
    progress_ms: 5_000,
  },

  /** Erasing the logs of a sandbox. */
  erase: {
    /** Time that a request waits for ClickHouse to remove the rows; the removal goes on after it. */
    wait_ms: 20_000,
    /** Time that the command waits. */
    command_wait_ms: 100_000,
    /** Stretches of rows of one erase: a stream and a run of an agent each. */
    stretches_max: 100_000,
    /** Looks whether an INSERT that was under way added a mark. */
    looks: 5,
  },

  /** `afterlog rebuild`. */
  rebuild: {
    /** Sandboxes of one query. */
    sandboxes: 1_000,
    /** Streams that a check names. */
    named: 100,
    /** Looks after which a stream counts as incomplete. */
    looks: 5,
    /** Pause between two looks. */
    pause_ms: 300,
  },

  /** Our own log and messages. */
  log: {
    /** Characters of a wrong value that a message shows. */
    shown_chars_max: 100,
    /** Lines with the same code within `burst_ms`; further ones are counted, and the count is logged. */
    burst_lines: 20,
    /** Time over which they are counted. */
    burst_ms: 60_000,
  },

  /** `afterlog doctor`. */
  doctor: {
    /** Time for one check. */
    check_ms: 5_000,
    /** Sandboxes whose logs it looks at. */
    sandboxes_max: 1_000,
    /** Files of logrotate's configuration that it reads. */
    logrotate_files_max: 1_000,
    /** Brokers of a cluster that it tries. */
    brokers_max: 50,
    /** Newest messages of each partition whose signatures it checks. */
    messages_max: 100,
    /** Hosts that one finding names. */
    hosts_shown: 10,
    /** Clocks further apart are a warning. */
    clock_skew_ms: 2_000,
    /** Clocks further apart are an error. */
    clock_skew_error_ms: 3_600_000,
  },

  /** Faults that nobody foresaw. */
  role: {
    /** Faults after which a role starts anew; the next one ends its process with exit code 1. */
    faults_max: 5,
    /** Time within which they count as one fault that repeats. */
    faults_within_ms: 600_000,
  },

  /** Servers and roles that this process starts or stops. */
  server: {
    /** Time for requests that are under way when a role stops; then their connections are cut. */
    stop_ms: 5_000,
    /** `up`: time for one role to end. */
    part_stop_ms: 15_000,
    /** Interval at which a role looks whether its files of secrets have changed. */
    secret_files_ms: 2_000,
    /** Time after which it reports a wrong file of secrets again. */
    secret_fault_ms: 60_000,
    /** Interval at which a role looks whether its terminal is gone. */
    terminal_look_ms: 2_000,
    /** Looks without it after which a SIGHUP is no longer of its end, which sends one at once. */
    terminal_looks: 2,
    /** Tries with another free port, for another process may bind a port first. */
    free_port_tries: 5,
    /** Pause between two looks whether a started server answers. */
    start_poll_ms: 50,
    /** Lines of a started server's output that are kept for the message when it fails. */
    child_lines_kept: 20,
    /** Characters of one such line. */
    child_line_chars_max: 500,
  },

  /** The embedded ClickHouse. */
  embedded: {
    /** Time to answer. */
    start_ms: 180_000,
    /** Time to end before SIGKILL. */
    stop_ms: 10_000,
    /** Time for the ClickHouse of a killed process to end before its folder counts as in use. */
    lock_ms: 3_000,
    /** Memory; never more than half of the machine's. */
    memory_bytes_max: 4 * GIB,
    /** Size of its caches. */
    cache_bytes: 128 * MIB,
  },

  /** The local Kafka of demo and tests. */
  local_kafka: {
    /** Time to download its jars. */
    download_ms: 600_000,
    /** Time to answer. */
    start_ms: 180_000,
    /** Time to end before SIGKILL. */
    stop_ms: 15_000,
  },

  /** The demo. */
  demo: {
    /**
     * Size at which a console rotates; with three old generations and few sandboxes, it bounds the disk use.
     */
    rotate_bytes: 48 * KIB,
    /** Deleted sandboxes whose byte counts wait for the comparison with ClickHouse; the oldest drop out. */
    ledger_max: 2_000,
    /** Sandboxes that one query compares, at some 100 kB each. */
    compared_at_once: 16,
    /** A deleted sandbox counts as lost if one that was deleted this much later is complete and it is not. */
    late_ms: 30_000,
    /** Time at the end for the last sandboxes to be complete in ClickHouse. */
    settle_ms: 4_000,
    /** Interval of the screen's looks at ClickHouse. */
    look_ms: 1_000,
    /** Interval of redraws. */
    draw_ms: 500,
    /** Interval of plain lines where there is no terminal. */
    line_ms: 5_000,
    /** Sandboxes and events that wait to be shown. */
    recent_max: 40,
    /** Interval at which the screen shows a new event. */
    happening_ms: 1_000,
    /** Events on a high terminal. */
    happenings_max: 20,
    /** Seconds of the curve of lines a second. */
    curve_max: 60,
    /** Lines of our own log that wait until the screen has closed; the oldest drop out. */
    held_max: 50,
  },
} as const;
