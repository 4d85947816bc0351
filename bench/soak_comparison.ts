import type { ClickHouseClient } from '@clickhouse/client';
import type { Expected } from './soak_sandbox.ts';

const AT_ONCE = 50;
const FINDINGS_MAX = 20;
const NOTHING = Buffer.alloc(0);

interface Stored {
  stream: string;
  bytes: Buffer;
  gaps: string[];
  isSealed: boolean;
  /** Its seal, unless it ended by a truncation: such a stream is never complete. */
  isComplete: boolean | null;
}

interface Pending extends Expected {
  since_ms: number;
}

export interface Finding {
  name: string;
  text: string;
  wanted: Buffer;
  found: Buffer;
}

/** Compares written and stored bytes, log by log, when the logs of a deleted sandbox are sealed. */
export class SoakComparison {
  readonly counts = { stored: 0, lost: 0, lost_explained: 0, surplus: 0, divided: 0, repeated: 0 };
  /** Of the streams that ended with their sandbox, or because it was made again. */
  readonly seals = { complete: 0, incomplete: 0 };
  readonly reasons: Record<string, number> = {};
  readonly findings: Finding[] = [];
  private readonly client: ClickHouseClient;
  /** Longest time from a deletion to the look that found the complete log. */
  slowest_ms = 0;
  private waiting: Pending[] = [];
  private readonly patience_ms: number;

  /** @param patience_ms a log that is incomplete this long after its deletion is compared nevertheless */
  constructor(client: ClickHouseClient, patience_ms = 60_000) {
    this.client = client;
    this.patience_ms = patience_ms;
  }

  add(logs: Expected[]): void {
    this.waiting.push(...logs.map((log) => ({ ...log, since_ms: performance.now() })));
  }

  get pending(): number {
    return this.waiting.length;
  }

  /** Compares the oldest pending logs. */
  async look(): Promise<void> {
    const some = this.waiting.slice(0, AT_ONCE);
    if (some.length === 0) return;
    const stored = await this.storedOf([...new Set(some.map(({ id }) => id))]);
    const left: Pending[] = [];
    for (const one of some) {
      const found = stored.get(`${one.id}/${one.log}`) ?? [];
      const waited_ms = performance.now() - one.since_ms;
      if (waited_ms <= this.patience_ms && !isComplete(one, found)) {
        left.push(one);
        continue;
      }
      this.slowest_ms = Math.max(this.slowest_ms, waited_ms);
      this.compare(one, found);
    }
    this.waiting = [...this.waiting.slice(some.length), ...left];
  }

  private async storedOf(ids: string[]): Promise<Map<string, Stored[]>> {
    const result = await this.client.query({
      query: `SELECT sandbox_id, log, toString(toUnixTimestamp64Nano(stream_started_at)), record,
          base64Encode(concat(prefix, message, ending)), position
        FROM afterlog.console_logs FINAL WHERE sandbox_id IN {ids: Array(String)}
        ORDER BY sandbox_id, log, stream_started_at, position, record`,
      query_params: { ids },
      format: 'JSONCompactEachRow',
    });
    const streams = new Map<string, Stored[]>();
    const parts = new Map<Stored, Buffer[]>();
    for (const row of await result.json<[string, string, string, string, string]>()) {
      const [id, log, stream, record, text] = row;
      const list = streams.get(`${id}/${log}`) ?? [];
      streams.set(`${id}/${log}`, list);
      if (list.at(-1)?.stream !== stream)
        list.push({ stream, bytes: Buffer.alloc(0), gaps: [], isSealed: false, isComplete: null });
      const last = list.at(-1)!;
      const bytes = Buffer.from(text, 'base64');
      if (record === 'gap') last.gaps.push((JSON.parse(bytes.toString()) as { reason: string }).reason);
      else if (record === 'seal') {
        const { complete, reason } = JSON.parse(bytes.toString()) as { complete: boolean; reason: string };
        last.isSealed = true;
        if (reason !== 'truncated') last.isComplete = complete;
      } else if (record === 'nuls') {
        const { bytes: nuls } = JSON.parse(bytes.toString()) as { bytes: number };
        parts.set(last, [...(parts.get(last) ?? []), Buffer.alloc(nuls)]);
      } else parts.set(last, [...(parts.get(last) ?? []), bytes]);
    }
    for (const [stream, some] of parts) stream.bytes = Buffer.concat(some);
    return streams;
  }

  private compare(wanted: Expected, stored: Stored[]): void {
    for (const { isComplete } of stored) {
      if (isComplete !== null) this.seals[isComplete ? 'complete' : 'incomplete']++;
    }
    const reasons = stored.flatMap(({ gaps }) => gaps).map(withoutTimes);
    for (const reason of reasons) this.reasons[reason] = (this.reasons[reason] ?? 0) + 1;
    const odd = reasons.filter((reason) => !/^truncated|^nobody watched|^written over/.test(reason));
    if (odd.length > 0) console.log(`${wanted.id}-${wanted.log} has a gap row: ${odd.join('; ')}`);
    const found = stored.filter(isShown);
    // All bytes are in order, but a continuation was stored as a new stream.
    const isDivided =
      found.length !== wanted.streams.length &&
      Buffer.concat(found.map(({ bytes }) => bytes)).equals(Buffer.concat(wanted.streams));
    if (isDivided) this.counts.divided++;
    for (const [index, { theirs, ours, isTold }] of pairs(wanted.streams, found).entries()) {
      const bytes = ours?.bytes ?? NOTHING;
      this.counts.stored += bytes.length;
      if (bytes.equals(theirs)) continue;
      const [lost, surplus] = [
        Math.max(0, theirs.length - bytes.length),
        Math.max(0, bytes.length - theirs.length),
      ];
      if (!isDivided) {
        if (isTold && surplus === 0) {
          this.counts.lost_explained += lost;
          continue;
        }
        // Different bytes of the same length count as lost, too.
        if (surplus === 0) this.counts.lost += Math.max(1, lost);
        else this.counts.surplus += surplus;
      }
      this.finding(`${wanted.id}-${wanted.log}-${index}`, theirs, bytes, found, wanted);
    }
  }

  private finding(name: string, wanted: Buffer, found: Buffer, stored: Stored[], log: Expected): void {
    if (this.findings.length >= FINDINGS_MAX) return;
    let at = 0;
    while (at < found.length && found[at] === wanted[at]) at++;
    const show = (bytes: Buffer): string => JSON.stringify(bytes.toString('latin1', at, at + 40));
    const streams = stored.map(
      (one) =>
        `${one.bytes.length}${one.isSealed ? '' : ' open'}${one.gaps.map((gap) => ` (${gap.slice(0, 9)}…)`).join('')}`,
    );
    const text =
      `${name}: ${found.length} bytes of ${wanted.length}; they differ at ${at}: ${show(found)} instead of ${show(wanted)}; ` +
      `streams ${streams.join(', ')} instead of ${log.streams.map((bytes) => bytes.length).join(', ')}`;
    console.log(text);
    this.findings.push({ name, text, wanted, found });
  }

  /** Counts keys that are stored more than once since the last merge. */
  async countRepeated(): Promise<void> {
    const result = await this.client.query({
      query: `SELECT toUInt32(count() - uniqExact(sandbox_id, log, stream_started_at, position, record)) AS repeated
        FROM afterlog.console_logs`,
      format: 'JSONEachRow',
    });
    this.counts.repeated += (await result.json<{ repeated: number }>())[0]!.repeated;
  }
}

interface Pair {
  theirs: Buffer;
  ours: Stored | undefined;
  /** A gap row tells that bytes are missing. A wake follows a pause, so its gap row does not. */
  isTold: boolean;
}

const tells = (one: Stored | undefined): boolean =>
  one?.gaps.some((reason) => !reason.startsWith('truncated')) ?? false;

/**
 * Written streams and those that were found for them: the equal ones, and what is between two of these, in order. A
 * stream of which nothing was found is told by a gap row of a neighbor.
 */
function pairs(wanted: Buffer[], found: Stored[]): Pair[] {
  const all: Pair[] = [];
  let at = 0;
  for (const [index, theirs] of wanted.entries()) {
    const equal = found.findIndex((one, place) => place >= at && one.bytes.equals(theirs));
    // Others that are to come have the stream at this place.
    const isTaken = wanted.slice(index + 1).some((next) => found[at]?.bytes.equals(next));
    const place = equal >= 0 ? equal : isTaken ? -1 : at;
    for (; at < place; at++) all.push({ theirs: NOTHING, ours: found[at], isTold: false });
    const ours = place < 0 ? undefined : found[place];
    const isTold = ours === undefined ? tells(found[at - 1]) || tells(found[at]) : tells(ours);
    all.push({ theirs, ours, isTold });
    if (place >= 0) at = place + 1;
  }
  return [...all, ...found.slice(at).map((ours) => ({ theirs: NOTHING, ours, isTold: false }))];
}

/** Of a console that was written over, nothing but a gap row may be known. */
const isShown = ({ bytes, gaps }: Stored): boolean =>
  bytes.length > 0 || gaps.some((reason) => reason.startsWith('written over'));

/** The reason of a gap row, so that equal ones are counted together. */
const withoutTimes = (reason: string): string => reason.replaceAll(/\d{4}-\d\d-\d\dT\S+Z/g, '…');

/** The row of the table about seals. */
export function shareOfComplete({ complete, incomplete }: SoakComparison['seals']): [string, string] {
  const share = (100 * complete) / Math.max(1, complete + incomplete);
  return [
    'streams that ended with their sandbox, complete',
    `${complete} of ${complete + incomplete} (${share.toFixed(1)} %)`,
  ];
}

function isComplete(wanted: Expected, stored: Stored[]): boolean {
  const found = stored.filter(isShown);
  if (found.length < wanted.streams.length || !stored.every(({ isSealed }) => isSealed)) return false;
  const sum = (all: Buffer[]): number => all.reduce((total, bytes) => total + bytes.length, 0);
  return sum(found.map(({ bytes }) => bytes)) >= sum(wanted.streams);
}
