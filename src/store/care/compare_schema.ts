import type { ClickHouseClient } from '@clickhouse/client';
import { readMigrations, SCHEMAS } from './migrate.ts';
import { type SchemaObject, schemaObjects, settingsIn } from './schema_objects.ts';

/** A difference between the database and the schema. */
export interface Difference {
  object: SchemaObject;
  /** `missing`: there is no such object. Else the part that differs, such as `TTL` or `column title`. */
  part: string;
  /** The definition in the database; null if there is none. */
  found: string | null;
  wanted: string;
}

interface FoundObject {
  name: string;
  definition: string;
  select: string;
}

/**
 * Compares every table and view of the schema with the database, by their definitions: a version number does
 * not show an object that somebody dropped or changed later. Columns, indexes and settings that the schema
 * does not have may be there in addition.
 * @throws whatever the client throws
 */
export async function compareSchema(
  client: ClickHouseClient,
  database: string,
  schemas = SCHEMAS,
): Promise<Difference[]> {
  const objects = schemaObjects(readMigrations(schemas));
  const found = await readObjects(client, database);
  const differences: Difference[] = [];
  for (const object of objects) {
    const statement = object.statement.replaceAll('{database}', database);
    const there = found.get(object.name);
    if (there === undefined) {
      differences.push({ object, part: 'missing', found: null, wanted: object.kind });
    } else if (object.kind === 'table') {
      const wanted = tableParts(await format(client, statement));
      for (const [name, value] of object.settings) wanted.set(`setting ${name}`, value);
      differences.push(...differingParts(object, wanted, tableParts(there.definition)));
    } else {
      const wanted = viewParts(statement, await format(client, selectOf(statement)));
      differences.push(...differingParts(object, wanted, viewParts(there.definition, there.select)));
    }
  }
  return differences;
}

/** Both sides go through ClickHouse's own formatter, so that spelling makes no difference. */
async function readObjects(client: ClickHouseClient, database: string): Promise<Map<string, FoundObject>> {
  const answer = await client.query({
    query: `SELECT name, formatQuery(create_table_query) AS definition,
              if(as_select = '', '', formatQuery(as_select)) AS select
            FROM system.tables WHERE database = {database: String}`,
    query_params: { database },
    format: 'JSONEachRow',
  });
  return new Map((await answer.json<FoundObject>()).map((row) => [row.name, row]));
}

async function format(client: ClickHouseClient, statement: string): Promise<string> {
  const answer = await client.query({
    query: 'SELECT formatQuery({statement: String}) AS text',
    query_params: { statement },
    format: 'JSONEachRow',
  });
  const [row] = await answer.json<{ text: string }>();
  return row!.text;
}

const selectOf = (statement: string): string =>
  statement.slice(/\bAS\s+(?=SELECT|WITH)/.exec(statement)!.index + 3);

function viewParts(definition: string, select: string): Map<string, string> {
  const target = /\bTO [\w`]+\.[\w`]+/.exec(definition)?.[0];
  return new Map([
    ['query', withOnce(select)],
    ...(target === undefined ? [] : [['target', target] as const]),
  ]);
}

/** ClickHouse keeps a UNION with the WITH clause of its first SELECT repeated before each other one. */
function withOnce(select: string): string {
  const clause = /^WITH\n.*?(?=^SELECT$)/ms.exec(select)?.[0];
  return clause === undefined ? select : clause + select.slice(clause.length).replaceAll(clause, '');
}

/**
 * The parts of a formatted CREATE TABLE: a column, an index or a projection is a part, and each clause behind
 * them.
 */
function tableParts(definition: string): Map<string, string> {
  const parts = new Map<string, string>();
  const [head = '', tail = ''] = definition.split(/^\)$/m);
  // A projection takes several lines, which are indented further.
  for (const item of head.slice(head.indexOf('(\n') + 2).split(/,\n(?= {4}\S)/)) {
    const [, kind = 'COLUMN', name = ''] =
      /^\s*(?:(INDEX|PROJECTION|CONSTRAINT) )?`?(\w+)`?/.exec(item) ?? [];
    if (name !== '') parts.set(`${kind.toLowerCase()} ${name}`, item.trim());
  }
  for (const line of tail.trim().split('\n')) {
    const [, clause = '', value = ''] =
      /^(ENGINE =|PARTITION BY|ORDER BY|PRIMARY KEY|TTL|SETTINGS) ?(.*)$/.exec(line) ?? [];
    if (clause === 'SETTINGS') {
      for (const [name, found] of settingsIn(value)) parts.set(`setting ${name}`, found);
    } else if (clause !== '') parts.set(clause.replace(' =', ''), value);
  }
  return parts;
}

function differingParts(
  object: SchemaObject,
  wanted: Map<string, string>,
  found: Map<string, string>,
): Difference[] {
  return [...wanted]
    .filter(([part, text]) => !isSame(part, text, found.get(part)))
    .map(([part, text]) => ({ object, part, found: found.get(part) ?? null, wanted: text }));
}

function isSame(part: string, wanted: string, found: string | undefined): boolean {
  if (found === undefined) return false;
  // On a cluster, or in a cloud, the same engine has another prefix and its own arguments.
  if (part === 'ENGINE')
    return bare(found)
      .replace(/^(Replicated|Shared)/, '')
      .startsWith(bare(wanted));
  return bare(found) === bare(wanted);
}

/** ClickHouse adds parentheses and the arguments of codecs to a definition that it keeps. */
const bare = (text: string): string => text.replace(/Delta\(\d\)/g, 'Delta').replace(/[\s()`]/g, '');
