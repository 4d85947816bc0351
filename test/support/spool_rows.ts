import { existsSync, statSync } from 'node:fs';
import { entryKind, STANDS_FOR } from '../../src/spool/entry.ts';
import { listSegments, SegmentReader, segmentPath } from '../../src/spool/segment.ts';
import { type Block, type ColumnValue, decodeValue } from '../../src/wire/decode.ts';
import { fromSpool } from '../../src/wire/spooled.ts';

/** A row of the spool; `bytes` is prefix, message and ending. */
export interface SpoolRow {
  record: string;
  sandbox: string;
  log: string;
  /** stream_started_at, ns since 1970. */
  started: bigint;
  position: number;
  /** Position of its entry's first line. */
  entry: number;
  /** ns since 1970. */
  timestamp: bigint;
  timestamp_kind: string;
  source: string;
  severity: string;
  event: string;
  title: string;
  workspace: string;
  template: string;
  message: string;
  bytes: Buffer;
}

export interface LogRows {
  rows: SpoolRow[];
  /** Number of lines. */
  bytes: number;
  seals: number;
}

/**
 * Reads the rows of a spool that delivers nothing, entry by entry, while an agent writes it. Independent of
 * the agent's code that reads files.
 */
export class SpoolRows {
  readonly rows: SpoolRow[] = [];
  /** The rows by log, `<sandbox>/<log>`. */
  private readonly ofLogs = new Map<string, LogRows>();
  /** Duplicate keys, which are never allowed. */
  readonly repeated: string[] = [];
  /** State of each stream after the last entry. */
  readonly states = new Map<string, unknown>();
  readonly damaged: string[] = [];
  private readonly dir: string;
  private readonly keys = new Map<string, SpoolRow>();
  private reader: SegmentReader | null = null;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Reads the entries since the last call. */
  poll(): this {
    if (!existsSync(this.dir)) return this;
    for (;;) {
      if (this.reader === null) {
        const first = listSegments(this.dir)[0];
        if (first === undefined) return this;
        this.reader = new SegmentReader(this.dir, first);
      }
      // If a later segment exists before the read, this one is complete, unless that could not be begun.
      const { number } = this.reader;
      const next = listSegments(this.dir).find(
        (other) => other > number && statSync(segmentPath(this.dir, other)).size > 0,
      );
      for (let entry = this.reader.next(); entry !== null; entry = this.reader.next()) {
        if (entry.state === null) {
          this.damaged.push(`${number} at ${entry.offset}`);
          continue;
        }
        if (entry.head.kind === entryKind.snapshot) this.states.clear();
        for (const [key, state] of Object.entries(JSON.parse(entry.state.toString()))) {
          if (key === STANDS_FOR) continue;
          if (state === null) this.states.delete(key);
          else this.states.set(key, state);
        }
        if (entry.payload!.length > 0) this.add(decodeValue(fromSpool(entry.payload!).value));
      }
      if (next === undefined) return this;
      this.reader.close();
      this.reader = new SegmentReader(this.dir, next);
    }
  }

  private add(block: Block): void {
    for (const row of rowsOfBlock(block)) {
      const key = [row.sandbox, row.log, row.started, row.position, row.record].join(' ');
      const before = this.keys.get(key);
      if (before !== undefined && !hasBothReasons(before, row)) this.repeated.push(key);
      this.keys.set(key, row);
      this.rows.push(row);
      const log = this.of(row.sandbox, row.log);
      log.rows.push(row);
      if (row.record === 'line') log.bytes += row.bytes.length;
      if (row.record === 'nuls') log.bytes += (JSON.parse(row.message) as { bytes: number }).bytes;
      if (row.record === 'seal') log.seals++;
    }
  }

  /** The rows of one log. Cached, because many tests read one large spool repeatedly. */
  of(sandbox: string, log: string): LogRows {
    const name = `${sandbox}/${log}`;
    const found = this.ofLogs.get(name) ?? { rows: [], bytes: 0, seals: 0 };
    this.ofLogs.set(name, found);
    return found;
  }

  close(): void {
    this.reader?.close();
    this.reader = null;
  }
}

export function rowsOfBlock({ rows, columns }: Block): SpoolRow[] {
  const value = (name: string, row: number): ColumnValue => columns.get(name)?.values[row] ?? Buffer.alloc(0);
  const bytes = (name: string, row: number): Buffer => value(name, row) as Buffer;
  return Array.from({ length: rows }, (_, row) => ({
    record: bytes('record', row).toString(),
    sandbox: bytes('sandbox_id', row).toString(),
    log: bytes('log', row).toString(),
    started: value('stream_started_at', row) as bigint,
    position: Number(value('position', row)),
    entry: Number(value('position', row)) - Number(columns.get('entry_back')?.values[row] ?? 0),
    timestamp: value('timestamp', row) as bigint,
    timestamp_kind: bytes('timestamp_kind', row).toString(),
    source: bytes('source', row).toString(),
    severity: bytes('severity', row).toString(),
    event: bytes('event', row).toString(),
    title: bytes('title', row).toString(),
    workspace: bytes('workspace', row).toString(),
    template: bytes('template', row).toString(),
    message: bytes('message', row).toString(),
    bytes: Buffer.concat([bytes('prefix', row), bytes('message', row), bytes('ending', row)]),
  }));
}

/** The later of two gap rows at one position replaces the earlier one: it has the reasons of both. */
function hasBothReasons(before: SpoolRow, row: SpoolRow): boolean {
  const reasonOf = ({ message }: SpoolRow): string => (JSON.parse(message) as { reason: string }).reason;
  return row.record === 'gap' && reasonOf(row).startsWith(`${reasonOf(before)}; `);
}
