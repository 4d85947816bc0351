import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../config/limits.ts';
import { askDerived, type Derived, derivedOf } from './derive.ts';
import { explaining, type Store } from './read.ts';

/** A stream of which `streams` says less, or something else, than its rows do. */
export interface Lacking {
  sandbox_id: string;
  log: string;
  /** stream_started_at, ns since 1970. */
  stream: string;
}

/** Sandbox ids, hex, as console_logs is sorted: from `from`, up to but not with `to` (null: to the end). */
interface Range {
  from: string;
  to: string | null;
}

const KEY = 'sandbox_id, log, stream_started_at';

/**
 * Compares `streams` with what its view makes of console_logs, some sandboxes at a time. An INSERT that ended between
 * its rows and the view (a kill, a view that threw) leaves such a difference.
 *
 * Every column of `streams` is an aggregate, so a row that is merged in twice changes nothing, and what is lacking is
 * what would change something. So this can run beside consumers, be killed, and be repeated; and what outlived its
 * lines in `streams` stays.
 * @param mend whether the rows that are lacking are inserted
 * @returns what is, or was, lacking, a piece for each range
 * @throws AfterlogError CLICKHOUSE_UNREACHABLE, CLICKHOUSE_REFUSED, SCHEMA_BEHIND
 */
export async function* rebuildStreams(
  store: Store,
  { mend, sandboxes = limits.rebuild_sandboxes }: { mend: boolean; sandboxes?: number },
): AsyncGenerator<Lacking[]> {
  const derived = await derivedOf(store).catch(explaining(store));
  const columns = aggregatesOf(derived);
  for await (const range of ranges(store, sandboxes)) {
    const rows = `FROM (${derived.select}) AS derived LEFT JOIN (${knownIn(store, columns, range)}) AS known USING (${KEY})
      WHERE is_known = 0 OR ${columns.map(({ changes }) => changes).join(' OR ')}`;
    const lacking = await lackingIn(store, range, rows, mend ? 1 : limits.rebuild_looks);
    if (mend && lacking.length > 0) {
      const names = [KEY, ...columns.map(({ name }) => name)].join(', ');
      await run(store, `INSERT INTO ${store.database}.streams (${names}) SELECT ${names} ${rows}`, range);
    }
    yield lacking;
  }
}

/**
 * What an INSERT of a consumer has landed is there a moment before its view's rows are. So what is lacking is looked at
 * again: it counts if it is lacking each time.
 */
async function lackingIn(store: Store, range: Range, rows: string, looks: number): Promise<Lacking[]> {
  const query = `SELECT sandbox_id, log, toString(toUnixTimestamp64Nano(stream_started_at)) AS stream ${rows}`;
  let lacking = await run<Lacking>(store, query, range);
  for (let look = 1; look < looks && lacking.length > 0; look++) {
    await sleep(limits.rebuild_pause_ms);
    const still = new Set((await run<Lacking>(store, query, range)).map(nameOf));
    lacking = lacking.filter((one) => still.has(nameOf(one)));
  }
  return lacking;
}

const nameOf = ({ sandbox_id, log, stream }: Lacking): string => `${sandbox_id}/${log}/${stream}`;

async function* ranges(store: Store, sandboxes: number): AsyncGenerator<Range> {
  for (let from: string | null = ''; from !== null; ) {
    const [next]: { id: string }[] = await run<{ id: string }>(
      store,
      `SELECT hex(sandbox_id) AS id FROM ${store.database}.console_logs WHERE sandbox_id >= unhex('${from}')
       GROUP BY sandbox_id ORDER BY sandbox_id LIMIT 1 OFFSET ${sandboxes}`,
    );
    const to: string | null = next?.id ?? null;
    yield { from, to };
    from = to;
  }
}

interface Column {
  name: string;
  aggregate: string;
  /** True for a stream whose derived value would change the one that `streams` has. */
  changes: string;
}

/** The columns that are not the key; their types say how to aggregate them. */
function aggregatesOf({ columns }: Derived): Column[] {
  return columns
    .filter(({ is_key }) => !is_key)
    .map(({ name, type }) => {
      const [, aggregate] = /^SimpleAggregateFunction\(([^,]+), /.exec(type) ?? [];
      const changes = changesOf(name, aggregate);
      if (changes === null)
        throw new Error(`streams.${name} is a ${type}: rebuild does not know how to compare it`);
      return { name, aggregate: aggregate!, changes };
    });
}

function changesOf(name: string, aggregate: string | undefined): string | null {
  const [derived, known] = [`derived.${name}`, `known.known_${name}`];
  // NULL is the value of an aggregate that nothing went into.
  const compared = (sign: string): string =>
    `ifNull(${derived} ${sign} ${known}, isNotNull(${derived}) AND isNull(${known}))`;
  if (aggregate === 'max') return compared('>');
  if (aggregate === 'min') return compared('<');
  const most = /^groupUniqArrayArray\((\d+)\)$/.exec(aggregate ?? '')?.[1];
  // A set that is full takes no more.
  return most ? `(length(${known}) < ${most} AND NOT hasAll(${known}, ${derived}))` : null;
}

const knownIn = ({ database }: Store, columns: Column[], range: Range): string =>
  `SELECT ${KEY}, 1 AS is_known, ${columns.map(({ name, aggregate }) => `${aggregate}(${name}) AS known_${name}`).join(', ')}
   FROM ${database}.streams WHERE ${conditionOf(range)} GROUP BY ${KEY}`;

const conditionOf = ({ from, to }: Range): string =>
  `sandbox_id >= unhex('${from}')${to === null ? '' : ` AND sandbox_id < unhex('${to}')`}`;

const run = <Row>(store: Store, query: string, range?: Range): Promise<Row[]> =>
  askDerived<Row>(store, query, range && { rows: conditionOf(range) }).catch(explaining(store));
