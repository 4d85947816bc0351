/**
 * Every bound in the product, in one place. A limit that is reached says so (log line, metric, or gap row);
 * none of them is silent.
 */
export const limits = {
  /** Longest physical line kept in one row; a longer one becomes several rows of one entry. */
  line_bytes_max: 64 * 1024,
  /** Rows of one batch: keeps the dictionary indexes of a block within 16 bits. */
  batch_rows_max: 32_768,
  /**
   * Text bytes of one batch. With the other columns' bytes a block stays below what zstd can at worst grow to
   * `message_bytes_max`, so that every batch fits one Kafka message whatever its content.
   */
  batch_text_bytes_max: 640 * 1024,
  /** Uncompressed size of a block, checked when encoded. zstd's worst case adds less than 1 %. */
  block_bytes_max: 880 * 1024,
  /** Kafka message and the sum of one send: below the broker's default of 1 MiB with room for framing. */
  message_bytes_max: 900 * 1024,
  /** How long a batch that is not full waits for more lines. */
  linger_ms: 100,

  /** Bytes read from one file before the next file has its turn. */
  read_chunk_bytes: 256 * 1024,
  /** Bytes before the position that every read compares with what was read before. */
  overlap_bytes: 64,
  /** A generation that is unlinked or superseded is closed when it has been at its end for this long. */
  quiet_ms: 1_000,
  /** Reconcile: truth for what directory events missed. */
  reconcile_ms: 1_000,
  /** Interval of chokidar's polling where the system has no directory events (or no watches left). */
  poll_ms: 250,
  /** Linux allows 255 bytes a file name; a pin's name holds sandbox, log, stream, generation and inode. */
  sandbox_id_bytes_max: 150,

  /** A spool segment is closed at this size; delivered segments are deleted whole. */
  segment_bytes_max: 64 * 1024 * 1024,
  /** Undelivered bytes in the spool; at this size reading stops (the pins hold what is unread). */
  spool_bytes_max: 1024 * 1024 * 1024,
  /** Spooled entries read ahead of the sender. */
  send_batches_max: 64,

  /** One INSERT: one block that lands whole or not at all. */
  insert_rows_max: 500_000,
  insert_bytes_max: 128 * 1024 * 1024,
  /** After this an INSERT's fate is looked up instead of waited for. */
  insert_timeout_ms: 120_000,
  /** First and longest pause between tries against a broker or ClickHouse that does not answer. */
  retry_first_ms: 200,
  retry_longest_ms: 10_000,

  /** `tail=` of the logs API, and its default. */
  tail_lines_max: 100_000,
  tail_lines_default: 1_000,
  /** Server-sent events: poll of ClickHouse, and the comment that keeps proxies from closing the stream. */
  follow_poll_ms: 200,
  follow_heartbeat_ms: 15_000,
} as const;
