/**
 * Measures redaction with all kinds on: how many secrets it hides whole, and what else it hides.
 *
 *   npm run eval:secrets -- [FOLDER] [--misses]
 *
 * Secrets are drawn by the forms that gitleaks and secretlint know (eval/secret_rules.ts), and put into the
 * places that logs have for them (eval/secret_contexts.ts). False alarms are counted on eval/harmless_lines.ts,
 * and on all lines of the .log and .jsonl files below FOLDER. The same seed draws the same secrets everywhere.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '../src/demo/random.ts';
import { builtInKinds } from '../src/redact/kinds.ts';
import { Redactor } from '../src/redact/redactor.ts';
import { harmless } from './harmless_lines.ts';
import {
  behindWord,
  type Context,
  escaped,
  lineOf,
  nameForms,
  neutral,
  otherForms,
  passwordForms,
  providerAlone,
} from './secret_contexts.ts';
import { byName, notMeasured, ownText } from './secret_rules.ts';
import { fill, passwords } from './secret_text.ts';

const DRAWS = 10;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { misses: { type: 'boolean', default: false } },
});
const random = createRandom(1);
const redactor = new Redactor(builtInKinds, []);
const misses: string[] = [];
const hide = (line: string): string => redactor.hide(Buffer.from(line), 0, null).toString();

/** Secrets that were hidden whole, and those with which other text was hidden too. */
interface Share {
  tries: number;
  hidden: number;
  more: number;
}
const none = (): Share => ({ tries: 0, hidden: 0, more: 0 });

function measure(share: Share, what: string, [first, behind]: Context, text: string): void {
  const [sign, secret] = text.includes('§') ? (text.split('§') as [string, string]) : ['', text];
  const before = first + sign;
  const context: Context = [before, behind];
  const shown = hide(lineOf(context, secret));
  const from = Buffer.byteLength(before);
  const to = from + Buffer.byteLength(secret);
  const bytes = Buffer.from(shown);
  const isHidden = /^\*+$/.test(bytes.toString('latin1', from, to));
  const isExact = bytes.toString('utf8', 0, from) === before && bytes.toString('utf8', to) === behind;
  share.tries++;
  if (isHidden) share.hidden++;
  if (!isExact) share.more++;
  if (!isHidden || !isExact)
    misses.push(`${isHidden ? 'more' : 'MISS'} ${what}: ${lineOf(context, secret)} → ${shown}`);
}

const percent = (part: number, all: number): string => `${((100 * part) / Math.max(1, all)).toFixed(1)} %`;
const row = (name: string, { tries, hidden, more }: Share): string =>
  `${name.padEnd(46)} ${percent(hidden, tries).padStart(8)} of ${String(tries).padStart(6)}   more hidden: ${percent(more, tries)}`;

function rulesTable(
  title: string,
  rules: Record<string, (context: Context, share: Share) => void>,
  contexts: Record<string, (rule: string) => Context>,
): void {
  const all = none();
  const places = new Map(Object.keys(contexts).map((name) => [name, none()]));
  const weak: string[] = [];
  let whole = 0;
  for (const [rule, draw] of Object.entries(rules)) {
    const share = none();
    for (const [place, context] of Object.entries(contexts)) {
      const one = none();
      for (let n = 0; n < DRAWS; n++) draw(context(rule), one);
      for (const sum of [share, places.get(place)!, all]) {
        sum.tries += one.tries;
        sum.hidden += one.hidden;
        sum.more += one.more;
      }
    }
    if (share.hidden === share.tries) whole++;
    else weak.push(`${rule} ${percent(share.hidden, share.tries)}`);
  }
  const count = Object.keys(rules).length;
  console.log(`\n${title}: ${whole} of ${count} rules found every time`);
  console.log(row('all', all));
  for (const [place, share] of places) console.log(row(`  ${place}`, share));
  if (weak.length > 0) console.log(`  not every time: ${weak.join(', ')}`);
}

const constant = (contexts: Record<string, Context>): Record<string, () => Context> =>
  Object.fromEntries(Object.entries(contexts).map(([name, context]) => [name, () => context]));

const own = Object.fromEntries(
  Object.entries(ownText).map(([rule, forms]) => [
    rule,
    (context: Context, share: Share) => measure(share, rule, context, fill(random.pick(forms), random)),
  ]),
);
rulesTable('Secrets with a text of their own', own, constant(neutral));
rulesTable('The same, directly behind a word', own, constant(behindWord));

const named = Object.fromEntries(
  Object.entries(byName).map(([rule, [, form]]) => [
    rule,
    (context: Context, share: Share) => measure(share, rule, context, fill(form, random)),
  ]),
);
const ofProvider = (
  forms: Record<string, (provider: string) => Context>,
): Record<string, (rule: string) => Context> =>
  Object.fromEntries(Object.entries(forms).map(([name, form]) => [name, (rule) => form(byName[rule]![0])]));
rulesTable('Secrets by a name with key, token or secret in it', named, ofProvider(nameForms));
rulesTable('Secrets by the name of the provider alone', named, ofProvider(providerAlone));

console.log('\nPasswords, by place and by what is in them');
const sorts = new Map(Object.keys(passwords).map((sort) => [sort, none()]));
const allPasswords = none();
for (const [place, { context, without }] of Object.entries(passwordForms)) {
  const share = none();
  for (const [sort, draw] of Object.entries(passwords)) {
    const one = none();
    for (let n = 0; n < DRAWS; n++) {
      const secret = escaped(context, draw(random));
      if (!without?.test(secret)) measure(one, `${place}, ${sort}`, context, secret);
    }
    for (const sum of [share, sorts.get(sort)!, allPasswords]) {
      sum.tries += one.tries;
      sum.hidden += one.hidden;
      sum.more += one.more;
    }
  }
  console.log(row(`  ${place}`, share));
}
for (const [sort, share] of sorts) console.log(row(`  ${sort}`, share));
console.log(row('all', allPasswords));

console.log('\nKeys, headers and cookies');
const others = none();
for (const [place, { context, form }] of Object.entries(otherForms)) {
  const share = none();
  for (let n = 0; n < DRAWS; n++) measure(share, place, context, fill(form, random));
  console.log(row(`  ${place}`, share));
  for (const key of ['tries', 'hidden', 'more'] as const) others[key] += share[key];
}
console.log(row('all', others));
console.log(`not measured: ${notMeasured.join('; ')}`);

console.log('\nFalse alarms');
const alarms = harmless.filter((line) => hide(line) !== line);
console.log(`  harmless lines: ${alarms.length} of ${harmless.length}`);
for (const line of alarms) misses.push(`ALARM: ${line} → ${hide(line)}`);
const [folder] = positionals;
if (folder !== undefined) falseAlarms(folder);
if (values.misses) console.log(`\n${misses.join('\n')}`);

/** Counts the lines of recorded logs in which something is hidden, by kind. */
function falseAlarms(path: string): void {
  const counts = new Map<string, number>();
  let lines = 0;
  let some = 0;
  for (const name of readdirSync(path, { recursive: true }) as string[]) {
    if (!/\.(?:log|jsonl)$/.test(name)) continue;
    const text = readFileSync(join(path, name), 'latin1');
    const texts = name.endsWith('.log')
      ? [text]
      : text
          .split('\n')
          .filter((line) => line !== '')
          .flatMap(textsOf);
    for (const line of texts.flatMap((one) => one.split('\n'))) {
      lines++;
      const bytes = Buffer.from(line, 'latin1');
      const shown = Buffer.from(redactor.hide(bytes, 0, null));
      if (shown.equals(bytes)) continue;
      some++;
      const before = { ...redactor.counts };
      redactor.took(bytes.length);
      for (const [kind, count] of Object.entries(redactor.counts)) {
        if (count > (before[kind as keyof typeof before] ?? 0)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      }
      misses.push(`LOG ${name}: ${line.slice(0, 300)} → ${shown.toString('latin1').slice(0, 300)}`);
    }
  }
  const each = [...counts].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${kind} ${count}`);
  console.log(`  lines of ${path} with something hidden: ${some} of ${lines} (${each.join(', ')})`);
}

/** All texts in a line of JSON. */
function textsOf(line: string): string[] {
  const texts: string[] = [];
  JSON.parse(line, (_, value: unknown) => {
    if (typeof value === 'string') texts.push(value);
    return value;
  });
  return texts;
}
