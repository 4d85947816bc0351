import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../base/limits.ts';
import { askDerived, type Derived, type DerivedTable, derivedOf, derivedTables } from '../land/derive.ts';
import { explaining, type Store } from '../query.ts';

/** A stream whose derived rows lack something that its rows in console_logs have, or differ from them. */
export interface Lacking {
  table: DerivedTable;
  sandbox_id: string;
  log: string;
  /** stream_started_at, ns since 1970. */
  stream: string;
}

/**
 * A range of sandbox ids in hex, in the order of console_logs: from `from`, up to and without `to` (null: the
 * end).
 */
interface SandboxRange {
  from: string;
  to: string | null;
}

const KEY = 'sandbox_id, log, stream_started_at';

/**
 * Compares the derived tables with the result of their views over console_logs, some sandboxes at a time.
 * They differ after an INSERT that ended between its own rows and those of a view (a kill, a view that
 * threw).
 *
 * Every column of `streams` is an aggregate, so a row that is merged in twice changes nothing, and a row is
 * missing if it would change something. `marks` has copies of rows with their own key. So a rebuild can run
 * beside consumers, be killed, and be repeated; rows that outlived their lines stay.
 * @param mend whether to insert the missing rows
 * @param tables the derived tables to compare; all by default
 * @returns the streams whose rows are, or were, missing, one array for each range and table
 * @throws AfterlogError CLICKHOUSE_UNREACHABLE, CLICKHOUSE_REFUSED, SCHEMA_BEHIND
 */
export async function* rebuild(
  store: Store,
  {
    mend,
    sandboxes = limits.rebuild.sandboxes,
    tables = derivedTables,
  }: { mend: boolean; sandboxes?: number; tables?: readonly DerivedTable[] },
): AsyncGenerator<Lacking[]> {
  const rebuilds: Rebuild[] = [];
  for (const table of tables) {
    const derived = await derivedOf(store, table).catch(explaining(store));
    rebuilds.push(table === 'streams' ? rebuildAggregates(store, derived) : rebuildCopies(store, derived));
  }
  for await (const range of ranges(store, sandboxes)) {
    for (const one of rebuilds) {
      const lacking = await lackingIn(store, range, one, mend ? 1 : limits.rebuild.looks);
      if (mend && lacking.length > 0) {
        const { table, names, final } = one;
        const insert = `INSERT INTO ${store.database}.${table} (${names}) SELECT ${names} ${one.rows(range)}`;
        await run(store, insert, range, final);
      }
      yield lacking;
    }
  }
}

interface Rebuild {
  table: DerivedTable;
  /** Whether repeated rows have to count once. */
  final: boolean;
  names: string;
  /** The part of a query from FROM on: the rows that are missing in a range. */
  rows(range: SandboxRange): string;
}

function rebuildAggregates(store: Store, derived: Derived): Rebuild {
  const columns = aggregatesOf(derived);
  return {
    table: derived.table,
    final: false,
    names: [KEY, ...columns.map(({ name }) => name)].join(', '),
    rows: (range) =>
      `FROM (${derived.select}) AS derived LEFT JOIN (${knownIn(store, columns, range)}) AS known USING (${KEY})
       WHERE is_known = 0 OR ${columns.map(({ changes }) => changes).join(' OR ')}`,
  };
}

/** Rows are equal if all their columns are. Of several copies, the last one counts, on both sides. */
function rebuildCopies({ database }: Store, { table, select, columns }: Derived): Rebuild {
  const key = columns.flatMap(({ name, is_key }) => (is_key ? [name] : [])).join(', ');
  const names = columns.map(({ name }) => name).join(', ');
  const identity = `(${key}, cityHash64(${names}))`;
  return {
    table,
    final: true,
    names,
    rows: (range) =>
      `FROM (${select}) WHERE ${identity} NOT IN (SELECT ${identity} FROM ${database}.${table} WHERE ${conditionOf(range)})`,
  };
}

/**
 * The rows of a consumer's INSERT are there a moment before those of its view. So missing rows are checked
 * again; they count if they are missing each time.
 */
async function lackingIn(store: Store, range: SandboxRange, one: Rebuild, looks: number): Promise<Lacking[]> {
  const stream = 'toString(toUnixTimestamp64Nano(stream_started_at)) AS stream';
  const query = `SELECT DISTINCT sandbox_id, log, ${stream} ${one.rows(range)}`;
  const look = async (): Promise<Lacking[]> =>
    (await run<Lacking>(store, query, range, one.final)).map((row) => ({ ...row, table: one.table }));
  let lacking = await look();
  for (let looked = 1; looked < looks && lacking.length > 0; looked++) {
    await sleep(limits.rebuild.pause_ms);
    const still = new Set((await look()).map(nameOf));
    lacking = lacking.filter((one) => still.has(nameOf(one)));
  }
  return lacking;
}

const nameOf = ({ sandbox_id, log, stream }: Lacking): string => `${sandbox_id}/${log}/${stream}`;

async function* ranges(store: Store, sandboxes: number): AsyncGenerator<SandboxRange> {
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

/** The columns outside of the key; their types define how to aggregate them. */
function aggregatesOf({ columns }: Derived): Column[] {
  return columns
    .filter(({ is_key }) => !is_key)
    .map(({ name, type }) => {
      const [, aggregate] = /^SimpleAggregateFunction\(([^,]+), /.exec(type) ?? [];
      const changes = changesOf(name, aggregate);
      if (changes === null) throw new Error(`streams.${name} is a ${type}: rebuild cannot compare it`);
      return { name, aggregate: aggregate!, changes };
    });
}

function changesOf(name: string, aggregate: string | undefined): string | null {
  const [derived, known] = [`derived.${name}`, `known.known_${name}`];
  // NULL is the value of an empty aggregate.
  const compared = (sign: string): string =>
    `ifNull(${derived} ${sign} ${known}, isNotNull(${derived}) AND isNull(${known}))`;
  if (aggregate === 'max') return compared('>');
  if (aggregate === 'min') return compared('<');
  const most = /^groupUniqArrayArray\((\d+)\)$/.exec(aggregate ?? '')?.[1];
  // A full set accepts no more values.
  return most ? `(length(${known}) < ${most} AND NOT hasAll(${known}, ${derived}))` : null;
}

const knownIn = ({ database }: Store, columns: Column[], range: SandboxRange): string =>
  `SELECT ${KEY}, 1 AS is_known, ${columns.map(({ name, aggregate }) => `${aggregate}(${name}) AS known_${name}`).join(', ')}
   FROM ${database}.streams WHERE ${conditionOf(range)} GROUP BY ${KEY}`;

const conditionOf = ({ from, to }: SandboxRange): string =>
  `sandbox_id >= unhex('${from}')${to === null ? '' : ` AND sandbox_id < unhex('${to}')`}`;

const run = <Row>(store: Store, query: string, range?: SandboxRange, final = false): Promise<Row[]> =>
  askDerived<Row>(store, query, range && { rows: conditionOf(range), final }).catch(explaining(store));
