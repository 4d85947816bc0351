/**
 * The columns that a block may hold, with their types: those of console_logs that an INSERT names. A block
 * may omit any that has a default. Each type may also be LowCardinality(…).
 */
export const columnTypes: Readonly<Record<string, string>> = {
  host: 'String',
  batch_epoch: 'UInt64',
  batch_sequence: 'UInt64',
  ingest_day: 'Date',
  record: 'String',
  sandbox_id: 'String',
  log: 'String',
  workspace: 'String',
  template: 'String',
  stream_started_at: "DateTime64(9, 'UTC')",
  position: 'UInt64',
  timestamp: "DateTime64(9, 'UTC')",
  timestamp_kind: 'String',
  observed_at: "DateTime64(9, 'UTC')",
  source: 'String',
  severity: 'String',
  event: 'String',
  title: 'String',
  // EPHEMERAL: ClickHouse computes entry_position from it, but only if the INSERT names its columns.
  entry_back: 'UInt32',
  prefix: 'String',
  message: 'String',
  ending: 'String',
};

/** Bytes of a value of a type with a fixed width. */
export const fixedWidths: Readonly<Record<string, number>> = {
  UInt64: 8,
  "DateTime64(9, 'UTC')": 8,
  UInt32: 4,
  Date: 2,
};
