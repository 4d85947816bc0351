import type { Difference } from './compare_schema.ts';

/** The difference in words. */
export function differenceSentence(database: string, { object, part, found, wanted }: Difference): string {
  const name = `${database}.${object.name}`;
  if (part === 'missing') {
    return object.kind === 'table' ? `Table ${name} is lost.` : `The ${object.kind} ${name} is missing.`;
  }
  if (object.kind !== 'table') return `The ${object.kind} ${name} has another ${part} than the schema.`;
  if (found === null) return `${name} lacks its ${part} (${oneLine(wanted)}).`;
  return `${name} has ${part} ${oneLine(found)}; the schema has ${oneLine(wanted)}.`;
}

/** The shell command that mends a table; null if its part cannot be changed in place. */
export function commandFor(database: string, difference: Difference): string | null {
  const alter = alterOf(database, difference);
  // The names of the schema need no backticks, which a shell would run.
  return alter === null ? null : `afterlog sql --write "${alter.replaceAll('`', '')}"`;
}

function alterOf(database: string, { object, part, found, wanted }: Difference): string | null {
  const alter = `ALTER TABLE ${database}.${object.name}`;
  const [kind = '', name = ''] = part.split(' ');
  const text = oneLine(wanted);
  if (part === 'TTL') return `${alter} MODIFY TTL ${text}`;
  if (kind === 'setting') return `${alter} MODIFY SETTING ${name} = ${text}`;
  if (found !== null) return null;
  if (kind === 'column') return `${alter} ADD COLUMN ${text}`;
  if (kind === 'index' || kind === 'projection') return `${alter} ADD ${text}`;
  return null;
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
