import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Document, LineCounter, Node, YAMLMap } from 'yaml';
import { reasonOf } from '../base/errors.ts';
import { invalid, type Source, textOrList, unknown } from './given.ts';
import { nearest } from './nearest.ts';
import { allSettings, configSetting } from './schema.ts';

/** Loaded only if there is a settings file: loading takes a fifth of a command's start time. */
let yaml: typeof import('yaml');

const inFile = allSettings.filter((setting) => setting !== configSetting);
const names = inFile.map(({ name }) => name);
const sections = new Set(inFile.flatMap(({ path }) => (path.length > 1 ? [path[0]!] : [])));

/**
 * @param origin the variable or flag that named the file, for messages; null if none did: then the file may
 * be missing
 */
export function givenInFile(path: string, origin: string | null): Source & { isThere: boolean } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing && origin === null) return { given: [], wrong: [], isThere: false };
    const what = isMissing ? 'does not exist' : `cannot be read: ${reasonOf(error)}`;
    const named = origin === null ? '' : ` (${origin})`;
    const wrong = [invalid(`The settings file ${path}${named} ${what}.`)];
    return { given: [], wrong, isThere: false };
  }
  yaml ??= createRequire(import.meta.url)('yaml') as typeof yaml;
  return { ...new Reader(path, text).read(), isThere: true };
}

class Reader {
  private readonly found: Source = { given: [], wrong: [] };
  private readonly path: string;
  private readonly lines: LineCounter;
  private readonly document: Document;

  constructor(path: string, text: string) {
    this.path = path;
    this.lines = new yaml.LineCounter();
    this.document = yaml.parseDocument(text, { lineCounter: this.lines, prettyErrors: false });
  }

  read(): Source {
    const { errors, warnings, contents } = this.document;
    for (const { message, pos } of [...errors, ...warnings]) {
      // Some messages quote the file, and the quote may contain a password.
      const what = message.replace(/(?<=\S): .*$/s, '');
      const place = this.placeOf(pos[0]);
      this.found.wrong.push(invalid(`The settings file is not valid YAML at ${place}: ${what}.`));
    }
    if (errors.length > 0 || isEmpty(contents)) return this.found;
    if (yaml.isMap(contents)) this.readMap(contents, []);
    else {
      const what = `contains ${kindOf(contents!)} instead of settings such as \`data_dir: /srv/sandboxes\``;
      this.found.wrong.push(invalid(`The settings file ${this.path} ${what}.`));
    }
    return this.found;
  }

  private readMap(map: YAMLMap, path: string[]): void {
    for (const pair of map.items) {
      const key = pair.key as Node;
      const here = [...path, yaml.isScalar(key) ? String(key.value) : String(key)];
      const name = here.join('.');
      const where = this.placeOf(key.range?.[0] ?? 0);
      const node = this.resolve(pair.value as Node | null);
      const setting = inFile.find((one) => one.name === name && one.path.length === here.length);
      if (setting !== undefined) {
        const value = this.valueOf(node);
        if (value === null) continue;
        if (typeof value !== 'string' && !(setting.type === 'list' && Array.isArray(value))) {
          const what = `${kindOf(node!)}; allowed: ${setting.allowed}`;
          this.found.wrong.push(invalid(`Setting ${name} (${where}) is ${what}.`));
          continue;
        }
        const given = typeof value === 'string' ? textOrList(setting, value) : value;
        this.found.given.push({ setting, source: 'file', where, value: given });
      } else if (path.length === 0 && sections.has(name)) {
        if (yaml.isMap(node)) this.readMap(node, here);
        else if (!isEmpty(node)) {
          const below = inFile.filter((one) => one.path[0] === name).map((one) => one.path[1]);
          const what = `${kindOf(node!)}; allowed: a mapping of these settings: ${below.join(', ')}`;
          this.found.wrong.push(invalid(`Setting ${name} (${where}) is ${what}.`));
        }
      } else if (names.includes(name)) {
        const [section, below] = name.split('.');
        const how = `write it as \`${section}: { ${below}: … }\``;
        this.found.wrong.push(invalid(`Setting ${name} (${where}) is written with a dot; ${how}.`));
      } else if (name === configSetting.name) {
        const how = `use ${configSetting.env} or ${configSetting.flag}`;
        this.found.wrong.push(invalid(`Setting ${name} (${where}) cannot be in the settings file; ${how}.`));
      } else this.found.wrong.push(unknown(`${name} (${where})`, nearest(name, names)));
    }
  }

  /** A text or a list of texts; null if empty; undefined for any other kind of value. */
  private valueOf(node: Node | null): string | string[] | null | undefined {
    if (isEmpty(node)) return null;
    if (!yaml.isSeq(node)) return textOf(node);
    const items = node.items.map((item) => textOf(this.resolve(item as Node)));
    return items.every((item) => item !== undefined) ? items : undefined;
  }

  private resolve(node: Node | null): Node | null {
    return yaml.isAlias(node) ? (node.resolve(this.document) ?? null) : node;
  }

  private placeOf(offset: number): string {
    return `${this.path}:${this.lines.linePos(offset).line}`;
  }
}

const isEmpty = (node: Node | null): boolean => node === null || (yaml.isScalar(node) && node.value === null);

/** The source text of a scalar, so that the password 0123 and the name 1.10 keep their digits. */
function textOf(node: Node | null): string | undefined {
  if (!yaml.isScalar(node) || isEmpty(node)) return undefined;
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

function kindOf(node: Node): string {
  if (yaml.isMap(node)) return 'a mapping';
  return yaml.isSeq(node) ? 'a list' : 'a single value';
}
