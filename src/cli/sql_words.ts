/** Statements that only read. ClickHouse’s read-only mode still lets a user kill its own queries. */
const READING = new Set(['SELECT', 'WITH', 'FROM', 'SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS', 'CHECK']);

/** White space, comments and opening parentheses, then the first word. */
const FIRST_WORD = /^(?:[\s(]|--[^\n]*(?:\n|$)|#[ !][^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([A-Za-z]+)/;

/** Whether a statement begins as one that reads. ClickHouse takes one statement at a time. */
export function beginsReading(query: string): boolean {
  const word = FIRST_WORD.exec(query)?.[1];
  // A text without a statement is ClickHouse’s to refuse.
  return word === undefined ? query.trim() === '' : READING.has(word.toUpperCase());
}
