import type { Migration } from './migrate.ts';

/** A table or view as the migrations define it. */
export interface SchemaObject {
  name: string;
  kind: 'table' | 'view' | 'materialized view';
  /** The statement that makes it, with `{database}` in it; can be repeated. */
  statement: string;
  /** Settings that a later migration adds to a table. */
  settings: Map<string, string>;
}

const CREATE =
  /^CREATE (?:OR REPLACE )?(TABLE|VIEW|MATERIALIZED VIEW) (?:IF NOT EXISTS )?\{database\}\.(\w+)/;
const MODIFY_SETTING = /^ALTER TABLE \{database\}\.(\w+) MODIFY SETTING (.+)$/s;
const COMMENTS = /^\s*--.*$/gm;

/**
 * All objects of the schema, in the order in which they can be made. A later definition of a view replaces an
 * earlier one.
 * @throws Error for an ALTER that this function does not know: the comparison would not see it
 */
export function schemaObjects(migrations: Migration[]): SchemaObject[] {
  const objects = new Map<string, SchemaObject>();
  for (const { name: migration, statements } of migrations) {
    for (const text of statements) {
      const statement = text.replace(COMMENTS, '').trim();
      const created = CREATE.exec(statement);
      if (created !== null) {
        const [, kind, name] = created as unknown as [string, string, string];
        const settings = objects.get(name)?.settings ?? new Map<string, string>();
        objects.set(name, { name, kind: kind.toLowerCase() as SchemaObject['kind'], statement, settings });
        continue;
      }
      const altered = MODIFY_SETTING.exec(statement);
      const table = objects.get(altered?.[1] ?? '');
      if (altered !== null && table !== undefined) {
        for (const [name, value] of settingsIn(altered[2]!)) table.settings.set(name, value);
      } else if (!/^INSERT INTO /.test(statement)) {
        throw new Error(`schemas/${migration}: this statement cannot be compared: ${statement.slice(0, 80)}`);
      }
    }
  }
  return [...objects.values()];
}

/** The pairs of `name = value, name = value`. */
export function settingsIn(text: string): Map<string, string> {
  return new Map([...text.matchAll(/(\w+) = ('[^']*'|[^,\s]+)/g)].map(([, name, value]) => [name!, value!]));
}
