import { isUtf8 } from 'node:buffer';

/**
 * Names of files are bytes, and ids are text. A name of valid UTF-8 is its own id. In any other, each byte
 * that belongs to no character stands as U+FFFD and two hex digits, such as `caf�E9`. The bytes of a U+FFFD
 * in a name stand so, too, so every id stands for one name. Earlier versions stored no id with a U+FFFD.
 */
const ESCAPE = '\u{fffd}';

/** The id of a name that a listing gave. */
export function idOfName(name: Buffer): string {
  const text = name.toString();
  if (!text.includes(ESCAPE)) return text;
  let id = '';
  for (let at = 0; at < name.length; ) {
    const character = characterAt(name, at);
    const bytes = character?.length ?? 1;
    id += character?.toString() ?? ESCAPE + name[at]!.toString(16).toUpperCase().padStart(2, '0');
    at += bytes;
  }
  return id;
}

/** The bytes of the character at an offset; null if there is none, or a U+FFFD. */
function characterAt(name: Buffer, at: number): Buffer | null {
  for (let length = 1; length <= 4 && at + length <= name.length; length++) {
    const bytes = name.subarray(at, at + length);
    if (isUtf8(bytes)) return bytes.toString() === ESCAPE ? null : bytes;
  }
  return null;
}

/** The name that an id stands for, for calls of the system: bytes where text cannot hold it. */
export function nameOfId(id: string): string | Buffer {
  const [first, ...rest] = id.split(ESCAPE) as [string, ...string[]];
  if (rest.length === 0) return id;
  const bytes = rest.map((part) =>
    /^[0-9A-F]{2}/.test(part)
      ? Buffer.concat([Buffer.from(part.slice(0, 2), 'hex'), Buffer.from(part.slice(2))])
      : Buffer.from(ESCAPE + part),
  );
  return Buffer.concat([Buffer.from(first), ...bytes]);
}

/** Whether a listing can give a name with this id. */
export const isIdOfName = (id: string): boolean => {
  const name = nameOfId(id);
  return typeof name === 'string' || idOfName(name) === id;
};

/** The path of the entry of a folder that has this id. */
export function pathOfId(folder: string, id: string): string | Buffer {
  const name = nameOfId(id);
  const path = folder.endsWith('/') ? folder : `${folder}/`;
  return typeof name === 'string' ? path + name : Buffer.concat([Buffer.from(path), name]);
}
