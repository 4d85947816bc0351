/**
 * Every bound in the product, in one place. A limit that is reached says so (log line, metric, or gap row);
 * none of them is silent.
 */
export const limits = {
  /** Longest physical line kept in one row; a longer one becomes several rows of one entry. */
  line_bytes_max: 64 * 1024,
  /** A stamp that is further than this before its line can have been written, or after it was read, is not believed. */
  clock_skew_max_s: 120,
  /** An entry of more bytes or lines than this goes on as a new one. */
  entry_bytes_max: 1024 * 1024,
  entry_lines_max: 10_000,
  /** Bytes that other sources may write between two lines of an entry. */
  entry_pause_bytes_max: 64 * 1024,
  /** Sources of one stream whose last entry is remembered; the one that was silent longest is forgotten. */
  open_entries_max: 8,
  /** Names of sources that one stream, and one agent, may bring; lines of more are of source `app`. */
  stream_sources_max: 64,
  sources_max: 1_024,
  /** Names of events that the runtimes of one agent bring; rows of more have none. */
  events_max: 1_024,
  /** Titles of crashes that one agent knows; what comes after has the title of its event. */
  titles_max: 16_384,
  /** Lines below a crash's headline in which the function that its title names is looked for. */
  crash_lines_max: 1_000,
  /** Crashes of one console whose titles are looked for at the same time. */
  open_crashes_max: 4,
  /** Seconds since boot between two headlines of one incident: what follows an oops; hangs, which are told again and again. */
  incident_s: 5,
  hang_incident_s: 300,
  /** Seconds since boot until which the kernel's first line, told again, is the early console's and no new boot. */
  early_console_s: 2,
  /** Lines that programs write in a boot until it counts as ready, if no line says so: none is looked for behind them. */
  boot_lines_max: 1_000,
  /** Rows of one batch: keeps the dictionary indexes of a block within 16 bits. */
  batch_rows_max: 32_768,
  /** Uncompressed size of a block, checked when encoded. zstd's worst case adds less than 1 %. */
  block_bytes_max: 880 * 1024,
  /** Kafka message and the sum of one send: below the broker's default of 1 MiB with room for framing. */
  message_bytes_max: 900 * 1024,
  /** How long a batch that is not full waits for more lines. */
  linger_ms: 100,

  /** Bytes read from one file before the next file has its turn. */
  read_chunk_bytes: 256 * 1024,
  /** Bytes before the position that every read compares with what was read before. */
  overlap_bytes: 512,
  /** A generation that is unlinked or superseded is closed when it has been at its end for this long. */
  quiet_ms: 1_000,
  /** The same for one whose writer has gone on in the next file of the chain. */
  superseded_ms: 300,
  /** Reconcile: truth for what directory events missed. */
  reconcile_ms: 1_000,
  /** Interval of chokidar's polling where the system has no directory events (or no watches left). */
  poll_ms: 250,
  /** Linux allows 255 bytes a file name; a pin's name holds sandbox, log, stream, generation and inode. */
  sandbox_id_bytes_max: 150,

  /** Disk space of deleted and rotated files that only our pins keep until they are read; past it the oldest are let go. */
  held_bytes_max: 4 * 1024 * 1024 * 1024,
  /** The same as a share of what would be free without them: a disk that fills up takes them with it. */
  held_free_disk_share: 0.5,
  /** Letting go of files holds the thread no longer than this each second. */
  held_turn_ms: 50,
  /** Sandboxes that are known at a time, at 20 kB of memory each; more wait, unlinked, until others are over. */
  tailed_sandboxes_max: 50_000,

  /** Labels of sandboxes: longest text, what is read of a file or an answer, time to answer, requests at a time to a runtime without a list, */
  label_bytes_max: 128,
  label_file_bytes_max: 64 * 1024,
  labels_body_bytes_max: 32 * 1024 * 1024,
  labels_timeout_ms: 5_000,
  labels_at_once: 20,
  /** how long new sandboxes are gathered before the runtime is asked, first and longest pause between tries, */
  labels_gather_ms: 20,
  labels_pause_ms: 1_000,
  labels_pause_max_ms: 60_000,
  /** tries until a sandbox has to write again to be asked for, without a runtime, and how long a label is not asked again. */
  labels_tries_max: 10,
  label_file_tries: 5,
  labels_fresh_ms: 60_000,

  /** `flush` answers that not all is safe after this. */
  flush_ms: 10_000,

  /** A spool segment is closed at this size; delivered segments are deleted whole. */
  segment_bytes_max: 64 * 1024 * 1024,
  /** Undelivered bytes in the spool; at this size reading stops (the pins hold what is unread). */
  spool_bytes_max: 1024 * 1024 * 1024,
  /** An agent that stops delivers for so long; what is left in the spool goes on at its next start. */
  agent_stop_ms: 5_000,
  /** The holder of a lock touches it so often; one in another container, whose process cannot be looked up, */
  lock_touch_ms: 2_000,
  /** counts as alive while its lock was touched within this. */
  lock_alive_ms: 10_000,
  /** Spooled entries of one send. */
  send_batches_max: 256,

  /** One INSERT: one block that lands whole or not at all. */
  insert_rows_max: 500_000,
  insert_bytes_max: 128 * 1024 * 1024,
  /** After this an INSERT's fate is looked up instead of waited for. */
  insert_timeout_ms: 120_000,
  /** A consumer that waits for ClickHouse says to its group that it is alive at least this often. */
  alive_ms: 2_000,
  /** Told to hand its partition over, a consumer waits this long for its running INSERT, then leaves its fate open. */
  handover_ms: 5_000,
  /** Epochs whose highest landed batch is kept in memory; an older one is looked up again. */
  landed_epochs_max: 10_000,
  /** A block declares its own counts; one that unpacks to more than this is not decoded. */
  decoded_bytes_max: 64 * 1024 * 1024,
  /** First and longest pause between tries against a broker or ClickHouse that does not answer. */
  retry_first_ms: 200,
  retry_longest_ms: 10_000,

  /** One fetch of a partition: about as many rows as one INSERT takes, at 15 bytes a row after compression. */
  fetch_partition_bytes: 8 * 1024 * 1024,
  fetch_bytes_max: 32 * 1024 * 1024,
  /** A fetch returns with the first byte; this is how long the broker holds one that finds none. */
  fetch_wait_ms: 500,
  /** A partition that is added to the topic is read after this at the latest. */
  partitions_seen_ms: 10_000,
  /** How far behind a consumer is, is asked this often, also while it waits for ClickHouse. */
  lag_ms: 10_000,
  /** Partitions of one consumer whose fetches it holds, and that are landed, at the same time. */
  partitions_fetched: 100,
  partitions_at_once: 4,
  /** Small INSERTs of one consumer are this far apart on average, whichever partitions they are of: each makes a part to be merged. */
  insert_interval_ms: 50,
  /** A consumer that said nothing for so long is taken for dead. */
  session_ms: 6_000,
  rebalance_ms: 30_000,
  /** A consumer that stops takes no longer than this to leave its group. */
  stop_ms: 15_000,

  /** The brokers must tell of a topic that was just made within this. */
  topic_known_ms: 30_000,
  /** `afterlog topic`, `afterlog dlq`: so many fetches in a row that fail, or give nothing of what is there, are the last. */
  topic_tries_max: 10,
  /** `afterlog topic`: last batches of each partition, and with a filter; rows shown of each batch. */
  topic_last_default: 3,
  topic_filtered_default: 1_000,
  topic_rows_default: 10,
  /** `afterlog dlq`: listed by default, and at most; looked up and replayed together; characters of a reason in the list. */
  letters_default: 100,
  letters_max: 100_000,
  letters_at_once: 100,
  letter_reason_chars: 80,

  /** `tail=` of the logs API, and its default. */
  tail_lines_max: 100_000,
  tail_lines_default: 1_000,
  /** `wait`: seconds, by default and at most. */
  wait_s_default: 30,
  wait_s_max: 600,
  /** So many lines are read in one query, if they are not long. */
  short_tail_lines: 5_000,
  /** Such queries of a server at once; what is asked for meanwhile shares the next ones, so many tails each. */
  tail_queries: 4,
  tails_shared_max: 16,
  /** What a shared query may read for each of them; past it each has one of its own, and so have all for a while. */
  shared_tail_bytes: 4 * 1024 * 1024,
  tails_apart_ms: 1_000,
  /** `limit=` of the logs API. */
  page_lines_max: 10_000,
  /** Characters of a text that is looked for, and of a list of names. */
  search_chars_max: 1_000,
  /** A snapshot of a log that has not ended waits so long for what its agent has read and is not stored yet. */
  last_bytes_ms: 5_000,
  /** Pause between two looks whether it is. */
  last_bytes_look_ms: 50,
  /** What an agent has no open log of waits for its seal only if its last row was read within this. */
  seal_awaited_ms: 30_000,
  /** An agent that does not answer is not asked again for so long. */
  agent_silent_ms: 10_000,
  /** `afterlog logs --follow`: poll of ClickHouse. */
  follow_poll_ms: 200,
  /** A server looks so often for what landed, once for all of its followers. */
  hub_poll_ms: 50,
  /** Logs of one such query. */
  hub_logs: 1_000,
  /** Rows and bytes of one such query; whoever follows a log that has more reads for himself. */
  hub_rows_max: 50_000,
  hub_bytes_max: 128 * 1024 * 1024,
  /** What may wait for a follower who does not take it; past it he reads for himself when he goes on. */
  follower_rows_max: 5_000,
  follower_bytes_max: 4 * 1024 * 1024,
  /** Followers of one server. */
  followers_max: 20_000,
  /** Server-sent events: the comment that keeps proxies from closing the stream. */
  follow_heartbeat_ms: 15_000,
  /** Rows of one read (a follower, `afterlog logs`); with the longest lines that is 64 MB. */
  read_rows_max: 1_000,
  /** `afterlog logs` puts the rows of one line together up to this; more of it is another line that begins with `…`. */
  joined_bytes_max: 1024 * 1024,
  /** Text bytes of one read of raw bytes: what a reader of any size holds in memory at a time. */
  read_bytes_max: 8 * 1024 * 1024,
  /** After this a query for a reader is given up. */
  query_ms_max: 30_000,
  /** `verify`: rows of one query, streams asked for at once, what it keeps of one stream, reasons named for a hole. */
  verify_rows: 250_000,
  verify_streams: 10_000,
  verify_ranges: 1_000,
  verify_reasons: 10,
  /** `verify` says on stderr how far it is. */
  verify_progress_ms: 5_000,
  /**
   * Erasing: a request, and a command, wait so long for ClickHouse to remove the rows, which goes on behind them;
   * stretches of rows (a stream and a run of an agent each); looks whether an INSERT that was under way brought a mark.
   */
  erase_wait_ms: 20_000,
  erase_command_wait_ms: 100_000,
  erase_stretches_max: 100_000,
  erase_looks: 5,
  /** `rebuild`: sandboxes of one query, streams that are named, looks after which a stream is called lacking, and between them. */
  rebuild_sandboxes: 1_000,
  rebuild_named: 100,
  rebuild_looks: 5,
  rebuild_pause_ms: 300,
  /** Questions over all sandboxes: time, memory, size of the answer, threads of ClickHouse. */
  question_ms_max: 20_000,
  question_memory_bytes_max: 2 * 1024 * 1024 * 1024,
  question_answer_bytes_max: 64 * 1024 * 1024,
  question_threads: 4,
  /** A search that has gone so long over several days stops between two of them, and says where. */
  search_ms_max: 10_000,
  search_lines_max: 1_000,
  search_lines_default: 50,
  /** Lines around each line that was found, and such reads at once. */
  search_context_max: 50,
  search_reads: 8,
  histogram_buckets_max: 1_000,
  histogram_buckets_default: 60,
  /** Sources of one bucket. */
  histogram_names: 50,
  /** `limit=` of the list of sandboxes, and its default. */
  sandboxes_max: 10_000,
  sandboxes_default: 100,
  /** `afterlog boots`, `crashes`: how far back they look, and how many they list, unless told otherwise. */
  boots_ago_ms: 86_400_000,
  boots_default: 50,
  happened_max: 1_000,
  /** Of a wrong value that a message shows. */
  shown_chars_max: 100,
  /** Lines of our own log with the same code within this time; further ones are counted, and the count is said. */
  log_burst_lines: 20,
  log_burst_ms: 60_000,
  /** `doctor`: what one check may take, sandboxes whose logs it looks at, brokers of a cluster that it tries. */
  doctor_check_ms: 5_000,
  doctor_sandboxes_max: 1_000,
  doctor_brokers_max: 50,
  /** Clocks further apart than this are a warning, and than this an error. */
  clock_skew_ms: 2_000,
  clock_skew_error_ms: 3_600_000,
  /** A role that is told to stop has this long for what is under way; then its connections are cut. */
  server_stop_ms: 5_000,

  /** The embedded ClickHouse: time to answer, time to end in order before SIGKILL, memory (at most half of the RAM), caches. */
  embedded_start_ms: 180_000,
  embedded_stop_ms: 10_000,
  /** How long the embedded ClickHouse of a process that was killed may take to end, before its folder counts as in use. */
  embedded_lock_ms: 3_000,
  embedded_memory_bytes_max: 4 * 1024 * 1024 * 1024,
  embedded_cache_bytes: 128 * 1024 * 1024,
  /** A free port may be taken by another process before its user binds it: so many times another is tried. */
  free_port_tries: 5,
  /** Pause between looks whether a server that we started answers. */
  start_poll_ms: 50,
  /** What is kept of the output of a server that we started, for the message when it fails. */
  child_lines_kept: 20,
  child_line_chars_max: 500,
  /** The local Kafka: download of its jars, time to answer, time to end in order before SIGKILL. */
  kafka_download_ms: 600_000,
  kafka_start_ms: 180_000,
  kafka_stop_ms: 15_000,

  /** `up`: time for one role to end in order. */
  part_stop_ms: 15_000,
  /** The demo fleet: size at which a console rotates (with three old generations and few alive, its disk use). */
  demo_rotate_bytes: 48 * 1024,
  /** Deleted sandboxes whose byte counts wait to be compared with ClickHouse; the oldest fall out. */
  demo_ledger_max: 2_000,
  /** Of them compared in one query (each some 100 kB). */
  demo_compared_at_once: 16,
  /** A deleted sandbox that is not complete while one deleted so much later is: it counts as lost. */
  demo_late_ms: 30_000,
  /** At the end: how long the last sandboxes have to be complete in ClickHouse. */
  demo_settle_ms: 4_000,
  /** The demo's screen: looks at ClickHouse, redraws, and a plain line where there is no terminal. */
  demo_look_ms: 1_000,
  demo_draw_ms: 500,
  demo_line_ms: 5_000,
  /** Sandboxes, or what happened to them, that are remembered until they are shown. */
  demo_recent_max: 40,
  /** Of what happens, one is told so often; so many are on a high terminal. */
  demo_happening_ms: 1_000,
  demo_happenings_max: 20,
  /** Seconds of the curve of lines a second. */
  demo_curve_max: 60,
  /** Lines of our own log that wait until the screen has gone; the oldest fall out. */
  demo_held_max: 50,
} as const;
