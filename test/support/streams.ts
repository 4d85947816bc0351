import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import type { SpoolRow } from './spool_rows.ts';

export interface Gap {
  position: number;
  bytes: number | null;
  reason: string;
}

export interface Seal {
  position: number;
  bytes: number;
  lines: number;
  crc32: number;
  gaps: number;
  complete: boolean;
  reason: string;
}

/** One stream of one log, assembled from its rows by position only. */
export interface StoredStream {
  started: bigint;
  bytes: Buffer;
  lines: SpoolRow[];
  /** Rows that stand for NULs. */
  nuls: { position: number; bytes: Buffer }[];
  gaps: Gap[];
  seal: Seal | null;
}

const LINE_BYTES_MAX = 64 * 1024;

/**
 * The streams of a log, oldest first. Checks for every stream: positions have no hole without a gap row and
 * no overlap, nothing follows the seal, and the seal is correct.
 */
export function streamsOf(rows: SpoolRow[], sandbox: string, log = 'console'): StoredStream[] {
  const mine = rows.filter((row) => row.sandbox === sandbox && row.log === log);
  const byStart = Map.groupBy(mine, (row) => row.started);
  return [...byStart]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([started, some]) => put(`${sandbox}/${log}/${started}`, started, some));
}

function put(name: string, started: bigint, rows: SpoolRow[]): StoredStream {
  const sorted = (record: string): SpoolRow[] =>
    rows.filter((row) => row.record === record).sort((a, b) => a.position - b.position);
  const lines = sorted('line');
  const nuls = sorted('nuls').map(({ position, message }) => ({
    position,
    bytes: Buffer.alloc((JSON.parse(message) as { bytes: number }).bytes),
  }));
  const allGaps = sorted('gap').map((row) => ({ position: row.position, ...JSON.parse(row.message) }) as Gap);
  // Of rows with one key, the table keeps the last one.
  const gaps = [...new Map(allGaps.map((gap) => [gap.position, gap])).values()];
  const seals = sorted('seal').map((row) => ({ position: row.position, ...JSON.parse(row.message) }) as Seal);
  let at = 0;
  const passGaps = (): void => {
    for (const gap of gaps) if (gap.position === at) at += gap.bytes ?? 0;
  };
  const texts = [...lines, ...nuls].sort((a, b) => a.position - b.position);
  for (const line of texts) {
    passGaps();
    assert.equal(
      line.position,
      at,
      `${name}: a row stands at ${line.position}, the one before ends at ${at}`,
    );
    if (!('record' in line)) assert.ok(line.bytes.length > LINE_BYTES_MAX, `${name}: a row of few NULs`);
    else
      assert.ok(
        line.bytes.length > 0 && line.bytes.length <= LINE_BYTES_MAX,
        `${name}: ${line.bytes.length} bytes in a row`,
      );
    assert.ok(
      !line.bytes.subarray(0, -1).includes(10),
      `${name}: a newline inside the row at ${line.position}`,
    );
    at += line.bytes.length;
  }
  passGaps();
  const bytes = Buffer.concat(texts.map((text) => text.bytes));
  assert.ok(seals.length <= 1, `${name}: sealed ${seals.length} times`);
  const seal = seals[0] ?? null;
  if (seal !== null) {
    const { reason: _, ...told } = seal;
    const truth = {
      position: at,
      bytes: at,
      lines: lines.length,
      crc32: crc32(bytes),
      gaps: gaps.length,
      complete: gaps.length === 0,
    };
    assert.deepEqual(told, truth, `${name}: the seal tells the truth`);
  }
  return { started, bytes, lines, nuls, gaps, seal };
}

/** Whether its only gaps say that nobody watched: then nothing of what an agent saw is missing. */
export const wasOnlyUnwatched = ({ gaps }: StoredStream): boolean =>
  gaps.every(({ bytes, reason }) => bytes === null && reason.startsWith('nobody watched'));

/** The bytes of all streams of a sandbox's log. */
export const bytesOf = (streams: StoredStream[]): Buffer =>
  Buffer.concat(streams.map((stream) => stream.bytes));

/** Compares bytes, and reports the first difference without printing megabytes. */
export function assertBytes(found: Buffer, wanted: Buffer, name: string): void {
  if (found.equals(wanted)) return;
  let at = 0;
  while (at < found.length && found[at] === wanted[at]) at++;
  const show = (bytes: Buffer): string => JSON.stringify(bytes.toString('latin1', at, at + 80));
  assert.fail(
    `${name}: ${found.length} bytes of ${wanted.length}; they part at ${at}: ${show(found)} instead of ${show(wanted)}`,
  );
}
