import type { LogRow } from '../../store/read/read_log.ts';
import { gapText, parseGap, parseSeal, sealText } from '../../store/record.ts';
import { placeId } from './place_id.ts';

/**
 * Server-sent events for the runtime's clients and for browsers. The clients read every `data:` line, whatever
 * its event is called: bare text as it stands, or a JSON object by its `line`. So gaps and the end carry a
 * readable `line` too.
 */
export function lineEvent(row: LogRow): string {
  return event('log', placeId(row), dataOf(row.prefix + row.message));
}

export function gapEvent(row: LogRow): string {
  const gap = parseGap(row.message);
  return event('gap', placeId(row), toJson({ line: gapText(gap), ...gap }));
}

export function endEvent(message: string, id: string): string {
  const seal = parseSeal(message);
  return event('end', id, toJson({ line: sealText(seal), ...seal }));
}

export const heartbeat = ': still here\n\n';

function event(name: string, id: string, data: string): string {
  return `event: ${name}\nid: ${id}\ndata: ${data}\n\n`;
}

/** What some reader takes for the end of a line: SSE itself CR and LF, Python's splitlines() the others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant
const lineBreaks = /[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/;

/**
 * A line as it stands wherever every client reads it back as that line, else as `{"line": …}`. JSON lines of an
 * application stay as they are, except those that the clients would take for something else: a bare number,
 * string or list breaks the Python client; `line`, `chunk` and `error` are the clients' own keys.
 */
export function dataOf(line: string): string {
  if (lineBreaks.test(line)) return toJson({ line });
  return isMisread(line) ? toJson({ line }) : line;
}

function isMisread(line: string): boolean {
  const text = line.trim();
  // The clients trim bare text: a traceback would lose its shape.
  if (text !== line || line.startsWith('\x1f') || line.endsWith('\x1f')) return true;
  // A parser that fails takes longer than all else that is done with a line, and most lines would make it fail.
  if (!mayBeJson(text)) return false;
  if (/^(?:NaN|-?Infinity)$/.test(text)) return true;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Python's parser takes these inside lists and objects too; whether the rest is JSON does not matter then.
    return /^[{[]/.test(text) && /\b(?:NaN|Infinity)\b/.test(text);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return true;
  return 'line' in value || 'chunk' in value || 'error' in value;
}

/** By its ends, or as a whole where it is a number or a word; Python also reads NaN and Infinity. */
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

/** JSON on one line for every reader: JSON.stringify leaves three of the breaks as they are. */
function toJson(value: object): string {
  return JSON.stringify(value).replace(
    /[\x85\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
