/**
 * `npm run docs` writes docs/reference/ from the settings' schema, the catalogue of errors and the limits; a test
 * fails when the pages there are not the ones made here.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue, type ErrorEntry } from '../../src/base/catalogue.ts';
import { limits } from '../../src/base/limits.ts';
import { allSettings, type Setting } from '../../src/config/schema.ts';
import { loadSettings } from '../../src/config/settings.ts';

const GENERATED = '<!-- Made by `npm run docs`; change the source that it names instead. -->';

/** File name in docs/reference/ → its text. */
export function referencePages(): Record<string, string> {
  return { 'settings.md': settingsPage(), 'errors.md': errorsPage(), 'limits.md': limitsPage() };
}

function settingsPage(): string {
  return `# Settings

${GENERATED}

From \`src/config/schema.ts\`. A setting is named by its path. \`kafka.topic\` is

\`\`\`yaml
# afterlog.yaml
kafka:
  topic: sandbox-logs
\`\`\`

in the settings file, \`AFTERLOG_KAFKA_TOPIC\` in the environment, and \`--kafka-topic\` as a flag of any command. Flags win over the
environment, and the environment over the file. The file is \`afterlog.yaml\` in the working folder, or the one that
\`AFTERLOG_CONFIG\` or \`--config\` names. A relative path is relative to the working folder.

\`afterlog config\` prints the effective settings, each with where it comes from; \`afterlog config --json\` prints them for machines, and
\`afterlog config --schema\` the JSON Schema of the file. An editor with a YAML language server checks the file by it:
\`afterlog config --schema > afterlog.schema.json\`, and \`# yaml-language-server: $schema=afterlog.schema.json\` as the file's first line.

- A list is written with commas, in the file also as a YAML list.
- An empty variable is one that is not set. An empty key in the file too.
- Values are text as they are written: \`0123\` is no number. \`true\` and \`false\` are the only words for yes and no; as a flag
  \`--kafka-tls\` and \`--no-kafka-tls\`.
- Secrets are shown nowhere: not by \`afterlog config\`, nor in a message, nor the password in an address. Each may be in a file of its own,
  which ${secretFiles()} names. A flag is seen by everyone on the machine who may list processes.
- A name that is no setting is an error, in the file and as a variable that begins with \`AFTERLOG_\`. Those that Kubernetes makes
  for a service called afterlog are passed over.

All that is wrong is said at once, and nothing starts (exit code 2):

\`\`\`text
${wrongExample()}
\`\`\`

## All settings

| setting, variable, flag | meaning | allowed | default |
|---|---|---|---|
${allSettings.map(settingRow).join('\n')}
`;
}

function settingRow(setting: Setting): string {
  const { name, env, flag, description, allowed } = setting;
  const names = [name, env, flag].map((text) => `\`${text}\``).join('<br>');
  return `| ${names} | ${cell(description)} | ${cell(allowed)} | ${cell(defaultOf(setting))} |`;
}

function defaultOf({ default: value, usual }: Setting): string {
  if (usual !== undefined) return usual;
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
    ? 'none'
    : `\`${value}\``;
}

/** `<data_dir>` would be taken for HTML. */
const cell = (text: string): string => text.replace(/(^|\s)(\S*<\w+>\S*)/g, '$1`$2`').replaceAll('|', '\\|');

function secretFiles(): string {
  const names = allSettings.filter(({ secret }) => secret).map(({ env }) => `\`${env}_FILE\``);
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** What such settings really get for an answer. */
function wrongExample(): string {
  try {
    loadSettings(
      { listen: '0.0.0.0' },
      {
        AFTERLOG_KAFKA_BROKER: 'broker-1',
        AFTERLOG_KAFKA_TOPIC: 'sandbox logs',
        AFTERLOG_KAFKA_SASL_USERNAME: 'afterlog',
      },
    );
    throw new Error('these settings are right, which the page says they are not');
  } catch (error) {
    return (error as Error).message;
  }
}

function errorsPage(): string {
  return `# Errors

${GENERATED}

From \`src/base/catalogue.ts\`. Each error has a code that stays the same. A command says what happened, the code, and what to do:

\`\`\`text
There are no logs of sandbox 'sb-1'. [SANDBOX_UNKNOWN]
  → Check the id with \`afterlog sandboxes\`.
\`\`\`

and ends with 1, or with 2 for \`SETTING_…\` and \`USAGE\`. Agent, consumer and server write a JSON line to stderr (a short one if stderr is a
terminal), with \`code\`, \`msg\`, and fields such as \`path\`, \`topic\` or \`partition\`:

\`\`\`json
{"level":40,"time":"2026-11-23T20:28:41.504Z","code":"KAFKA_UNREACHABLE","topic":"sandbox-logs","msg":"Kafka does not accept batches …"}
{"level":30,"time":"2026-11-23T20:29:12.031Z","over":"KAFKA_UNREACHABLE","topic":"sandbox-logs","msg":"Kafka accepts batches again."}
\`\`\`

A fault that lasts is said once when it begins and once, with \`over\`, when it ends. Of faults that come one by one at most 20 a minute of the
same code are written; then their number is. Text of a sandbox is in no line. The HTTP API answers \`{"error": sentence, "code": CODE}\` with the status
that stands beside the code.

${Object.entries(catalogue).map(errorSection).join('\n')}`;
}

function errorSection([code, entry]: [string, ErrorEntry]): string {
  const { means, cause, cure, status } = entry;
  const rows = [`**Meaning.** ${means}`, `**Cause.** ${cause}`, `**Cure.** ${cure}`];
  if (status !== undefined) rows.push(`**HTTP status.** ${status}`);
  return `## ${code}\n\n${rows.map(escaped).join('  \n')}\n`;
}

/** \`<topic>-dlq\` outside of code would be taken for HTML. */
const escaped = (text: string): string =>
  text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replaceAll('<', '\\<')))
    .join('');

/** The values are the module's own; the sentences are the comments of its source, one above each key. */
function limitsPage(): string {
  const source = readFileSync(join(import.meta.dirname, '../../src/base/limits.ts'), 'utf8');
  const sections = Object.entries(limits).map(([group, values]) => {
    const at = source.indexOf(`\n  ${group}: {`);
    const rows = Object.entries(values).map(([key, value]) => {
      const sentence = sentenceAbove(source, source.indexOf(`\n    ${key}: `, at));
      return `| \`${key}\` | ${limitText(key, value)} | ${cell(sentence)} |`;
    });
    const head = '| limit | value | meaning |\n|---|---|---|';
    return `## ${group}\n\n${sentenceAbove(source, at)}\n\n${head}\n${rows.join('\n')}\n`;
  });
  return `# Limits

${GENERATED}

From \`src/base/limits.ts\`.
These are the product's bounds, by the part that keeps them.
They are not settings.
A part that reaches a limit reports it: in the log, in a metric, or as a gap row.

${sections.join('\n')}`;
}

/** The one-line comment that ends before `at`. @throws Error if there is none */
function sentenceAbove(source: string, at: number): string {
  const line = source.slice(source.lastIndexOf('\n', at - 1) + 1, at);
  const sentence = /^ +\/\*\* (.+\.) \*\/$/.exec(line)?.[1];
  if (sentence === undefined) throw new Error(`A limit lacks its sentence: ${line}`);
  return sentence;
}

const unitsOf: [RegExp, [number, string][]][] = [
  [
    /bytes/,
    [
      [2 ** 30, 'GiB'],
      [2 ** 20, 'MiB'],
      [2 ** 10, 'KiB'],
      [1, 'bytes'],
    ],
  ],
  [
    /_ms(_|$)|^ms_/,
    [
      [3_600_000, 'h'],
      [60_000, 'min'],
      [1_000, 's'],
      [1, 'ms'],
    ],
  ],
  [/_s(_|$)/, [[1, 's']]],
];

/** `65536` of a name with bytes → `64 KiB`: in the largest unit that shows the value exactly. */
function limitText(key: string, value: number): string {
  const units = unitsOf.find(([names]) => names.test(key))?.[1] ?? [];
  for (const [size, unit] of units) {
    if (value % size === 0) return `${value / size} ${unit}`;
  }
  return value.toLocaleString('en-US');
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(referencePages())) {
    writeFileSync(join(import.meta.dirname, '../reference', name), text);
  }
}
