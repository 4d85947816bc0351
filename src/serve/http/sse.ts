import { goesOn, type LogRow } from '../../store/read/read_log.ts';
import { gapText, nulsText, parseGap, parseNuls, parseSeal, sealText } from '../../store/record.ts';
import { placeId } from './place_id.ts';

/**
 * Server-sent events for the runtime's clients and for browsers. The clients read every `data:` line,
 * whatever the name of its event: bare text as it is, or a JSON object by its `line`. So gaps and the end
 * have a readable `line` too, and so has a piece of a line.
 */
export function lineEvent(row: LogRow): string {
  const line = row.prefix + row.message;
  return event('log', placeId(row), goesOn(row) ? toJson({ line, goes_on: true }) : dataOf(line));
}

export function gapEvent(row: LogRow): string {
  const gap = parseGap(row.message);
  return event('gap', placeId(row), toJson({ line: gapText(gap), ...gap }));
}

/** Not as that many characters, which no reader can show. */
export function nulsEvent(row: LogRow): string {
  const nuls = parseNuls(row.message);
  return event('nuls', placeId(row), toJson({ line: nulsText(nuls), ...nuls }));
}

export function endEvent(message: string, id: string): string {
  const seal = parseSeal(message);
  return event('end', id, toJson({ line: sealText(seal), ...seal }));
}

export const heartbeat = ': still here\n\n';

function event(name: string, id: string, data: string): string {
  return `event: ${name}\nid: ${id}\ndata: ${data}\n\n`;
}

/**
 * The characters that some reader treats as a line end: SSE itself CR and LF, Python's splitlines() the
 * others.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters themselves
const lineBreaks = /[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/;

/**
 * A line as it is if every client reads it back as the same line, else as `{"line": …}`. JSON lines of an
 * application stay as they are, except those that the clients would misread: a bare number, string or list
 * breaks the Python client; `line`, `chunk` and `error` are the clients' own keys.
 */
export function dataOf(line: string): string {
  if (lineBreaks.test(line)) return toJson({ line });
  return isMisread(line) ? toJson({ line }) : line;
}

function isMisread(line: string): boolean {
  const text = line.trim();
  // The clients trim bare text: a traceback would lose its shape.
  if (text !== line || line.startsWith('\x1f') || line.endsWith('\x1f')) return true;
  // A failing JSON parser takes longer than everything else about a line, and it would fail for most lines.
  if (!mayBeJson(text)) return false;
  if (/^(?:NaN|-?Infinity)$/.test(text)) return true;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Python's parser accepts these words in lists and objects too; then it does not matter whether the rest
    // is JSON.
    return /^[{[]/.test(text) && /\b(?:NaN|Infinity)\b/.test(text);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return true;
  return 'line' in value || 'chunk' in value || 'error' in value;
}

/** Checks the ends of the text, or all of a number or a word; Python also reads NaN and Infinity. */
function mayBeJson(text: string): boolean {
  switch (text[0]) {
    case '{':
      return text.endsWith('}');
    case '[':
      return text.endsWith(']');
    case '"':
      return text.endsWith('"');
    default:
      return /^(?:-?\d[\d.eE+-]*|true|false|null|NaN|-?Infinity)$/.test(text);
  }
}

/** JSON on one line for every reader: JSON.stringify does not escape three of the line breaks. */
function toJson(value: object): string {
  return JSON.stringify(value).replace(
    /[\x85\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
