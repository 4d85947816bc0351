import { type Block, decodeValuePartly, type PartialBlock } from '../wire/decode.ts';
import { type Run, runsOf } from '../wire/runs.ts';
import type { Letter } from './letter.ts';

/** The part of a stream whose rows a letter holds. */
export interface LostPart {
  sandbox_id: string;
  log: string;
  /** ns since 1970. */
  stream_started_at: bigint;
  /** Offsets in the log of its first byte, and behind its last byte. */
  from: bigint;
  to: bigint;
  rows: number;
}

/** What is lost with a letter that is never replayed. */
export interface Loss {
  parts: LostPart[];
  /** Whether the whole value was decoded; otherwise there may be more. */
  isWhole: boolean;
}

export async function lossOf({ value }: Letter): Promise<Loss> {
  const block = await decodeValuePartly(value ?? Buffer.alloc(0));
  try {
    return { parts: partsOf(block), isWhole: block.fault === null };
  } catch {
    // Columns of other types, of a message that another program sent.
    return { parts: [], isWhole: false };
  }
}

function partsOf(block: PartialBlock): LostPart[] {
  const parts = new Map<string, LostPart>();
  for (let row = 0; row < wholeRows(block); row++) {
    const { sandbox_id, log, stream_started_at, position, bytes } = runAt(block, row);
    const key = JSON.stringify([sandbox_id, log, String(stream_started_at)]);
    const end = position + BigInt(bytes);
    const part = parts.get(key);
    if (part === undefined) {
      parts.set(key, { sandbox_id, log, stream_started_at, from: position, to: end, rows: 1 });
      continue;
    }
    part.rows++;
    if (position < part.from) part.from = position;
    if (end > part.to) part.to = end;
  }
  return [...parts.values()];
}

/** The columns of a stream's key and place; a damaged block has the last rows without them. */
const KEY = ['sandbox_id', 'log', 'stream_started_at', 'record', 'position'];

const wholeRows = ({ columns }: PartialBlock): number =>
  Math.min(...KEY.map((name) => columns.get(name)?.values.length ?? 0));

/** One row as a run, so that the bytes of a row are counted in one place. */
function runAt({ columns }: PartialBlock, row: number): Run {
  const one: Block['columns'] = new Map();
  for (const [name, { type, values }] of columns) one.set(name, { type, values: values.slice(row, row + 1) });
  return runsOf({ rows: 1, columns: one })[0]!;
}
