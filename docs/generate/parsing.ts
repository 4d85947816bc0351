/**
 * Makes docs/parsing.md from the parser's tables, and from the parser's results for the examples.
 *
 *   node docs/generate/parsing.ts
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { limits } from '../../src/base/limits.ts';
import { kernelHeadlines } from '../../src/parse/kernel/headline_texts.ts';
import { jsonKeys } from '../../src/parse/level/json_line.ts';
import { levelWords } from '../../src/parse/level/level_words.ts';
import { newLine, timestampKinds } from '../../src/parse/line/line.ts';
import { nameText } from '../../src/parse/line/names.ts';
import { LineParser } from '../../src/parse/line_parser.ts';
import { zoneMinutes } from '../../src/parse/time/stamp_zone.ts';
import {
  entryExamples,
  eventExamples,
  severityExamples,
  sourceExamples,
  stampExamples,
} from './parsing_examples.ts';

/** The examples are read a little after they were written, by an agent that saw the console begin. */
const STARTED_S = Date.parse('2026-06-01T15:30:00Z') / 1000;
const OBSERVED_S = Date.parse('2026-06-01T15:31:00Z') / 1000;

function read(lines: readonly string[]) {
  const parser = new LineParser('console', STARTED_S, 0);
  const line = newLine();
  let position = 0;
  return lines.map((text) => {
    const bytes = Buffer.from(`${text}\n`);
    parser.parse(bytes, 0, bytes.length, position, OBSERVED_S, 0, line);
    position += bytes.length;
    const fraction = String(line.nanos).padStart(9, '0').replace(/0+$/, '');
    return {
      time: `${new Date(line.seconds * 1000).toISOString().slice(0, 19)}${fraction && `.${fraction}`}Z`,
      kind: timestampKinds[line.kind]!,
      source: nameText(line.source),
      severity: nameText(line.severity),
      event: nameText(line.event),
      title: nameText(line.title),
      isFirst: line.entry_back === 0,
      text,
    };
  });
}

const code = (text: string): string => `\`${text.replaceAll('|', '\\|').replaceAll('\t', '⇥')}\``;
const row = (...cells: string[]): string => `| ${cells.join(' | ')} |`;
const list = (words: readonly string[]): string => words.map(code).join(', ');

function examples(
  heads: string[],
  all: readonly [string, string][],
  cells: (found: ReturnType<typeof read>[number]) => string[],
): string {
  const rows = all.map(([what, text]) => row(what, code(text), ...cells(read([text])[0]!)));
  return [row('form', 'line', ...heads), `|${'---|'.repeat(2 + heads.length)}`, ...rows].join('\n');
}

/** `event` of the first line that has one, and the title that counts. */
function marked([what, lines]: readonly [string, string[]]): string {
  const rows = read(lines);
  const event = rows.find((found) => found.event !== '')?.event ?? '';
  const title = rows.findLast((found) => found.title !== '')?.title ?? '';
  return row(what, lines.map(code).join('<br>'), code(event), code(title));
}

/** The page, as docs/parsing.md has it. */
export function parsingPage(): string {
  const zones = Object.entries(zoneMinutes).map(([name, minutes]) => `${name} ${minutes / 60}`);
  const words = Object.entries(levelWords).map(([name, known]) => row(name.toUpperCase(), list(known)));
  const headlines = kernelHeadlines.map(({ text, severity, anywhere, alone }) =>
    row(
      code(anywhere ? `…${text}` : text),
      (severity ?? '').toUpperCase(),
      severity === undefined ? 'depends on its text' : alone ? 'the line alone' : 'a report',
    ),
  );
  const entries = entryExamples.map(
    ([what, lines]) =>
      `**${what}**\n\n\`\`\`text\n${read(lines)
        .map(({ isFirst, text }) => `${isFirst ? '  ' : '│ '}${text}`.trimEnd())
        .join('\n')}\n\`\`\``,
  );
  return `# How lines are read

<!-- Made by \`npm run docs\` from the parser's tables and the parser's results for the examples; change these instead. -->

The parser finds the time, the source, the severity, the entry and the event of a line.
A row stays a physical line, and \`prefix\`, \`message\` and \`ending\` stay its bytes; the results are in columns of their own.
\`afterlog parse FILE\` shows the results for any file, \`npm run eval -- FOLDER\` measures them on logs with ground truth, and \`node bench/parse.ts\` measures the cost.

## Time: \`timestamp\`, \`timestamp_kind\`

${examples(['kind', 'time'], stampExamples, ({ kind, time }) => [kind, time])}

- The parser uses the first stamp that begins the line, is in brackets, or follows a few fields.
  A time in the middle of a sentence is no stamp.
- Without a zone a stamp is UTC.
  Names of zones that mean one offset everywhere are known (in hours: ${zones.join(', ')}); another name counts as UTC.
- \`line\` is a stamp in the line itself.
  \`time_of_day\` is a stamp without a date, with the day of the lines around it.
  \`kernel_clock\` is seconds since boot, \`inherited\` the time of the line before, and \`observed\` the host's clock when the line was read.
- The parser rejects a stamp, and uses \`observed\`, if the stamp is before 2000, more than ${limits.parse.clock_skew_max_s} s before the line can have been written, or as long after it was read.
  A line is written after the file of its console was made, and after the last moment at which everything had been read, also by an earlier run of the agent.
  So the stale clock of a resumed guest is not used, and a guest cannot move its lines into the future, or out of a query of the last hour.
  The text of the stamp stays in \`prefix\`.
- Kernel seconds count from the start of the console, until a better reference is known.
  While the agent follows the console, that is the host's clock.
  Otherwise it is the stamps of other lines: kernel lines before such a line are not later, and kernel lines behind it are not earlier.
  Smaller seconds are a new boot.
  The kernel's seconds leave out the time before a wake, so they get a new reference after it.
  In a resumed guest they count from a boot before its console; then the first line has the time of its reading.
  Seconds that lead later than ${limits.parse.clock_skew_max_s} s after the line was read are not believed, and the line has the kind \`observed\`.
- A line without a stamp has the time of the line before, or \`observed\` if that time is older than the last moment at which everything had been read.
- \`afterlog parse FILE\` reads a file of any age.
  The last change of the file counts as the moment of reading, and stamps from 1990 on are accepted at any distance from it.
  Kernel seconds get their reference from the stamped lines behind them, and in a file without any, from the file's birth.
  The birth of a copy is the time of copying; then only the distances between kernel lines are meaningful.

## Source

${examples(['source'], sourceExamples, ({ source }) => [source])}

A stream may add ${limits.parse.stream_sources_max} names, and all living streams of an agent ${limits.parse.sources_max.toLocaleString('en')}; lines with further names have the source \`app\`, and the agent counts them.
\`events.jsonl\` has the source \`runtime\`, and \`firecracker.log\` the source \`firecracker\`.

## Severity

The severities are OpenTelemetry's texts; a line without a severity has an empty one.

${examples(['severity'], severityExamples, ({ severity }) => [severity || 'none'])}

These words count in upper and lower case where a bracket, a colon or \`level=\` shows that they are levels:

${[row('severity', 'words'), '|---|---|', ...words].join('\n')}

## JSON lines

The first of these fields at the top level of the object counts.

| | fields |
|---|---|
${[row('time', list(jsonKeys.time)), row('level', list(jsonKeys.severity)), row('source', list(jsonKeys.source))].join('\n')}

## Entries: \`entry_position\`

Lines that belong together have the same \`entry_position\`: that of the first one.

- Each source has an open entry of its own (${limits.parse.open_entries_max} at most for a stream), so lines of other sources do not end it.
  Kernel lines also have one for each task or processor, if they name it.
- The parser skips colors, and a tag before every line changes nothing.
- Lines of more than ${limits.parse.line_bytes_max / 1024} KiB, lines that a writer cut at a power of two from 4 KiB on, and partial lines of container runtimes are one entry.
- Open entries are saved with the position in the spool, so they continue across rotation and a restart of the agent.
- An entry with ${limits.parse.entry_lines_max.toLocaleString('en')} lines or ${limits.parse.entry_bytes_max / 1024 / 1024} MiB continues as a new one.
  An entry ends where other sources write ${limits.parse.entry_pause_bytes_max / 1024} KiB in between.
- A progress bar of bare carriage returns is one line.

In these examples a bar marks lines that belong to the line above.

${entries.join('\n\n')}

Kernel reports, and lines with an event, begin with these texts:

${[row('line begins with', 'severity', ''), '|---|---|---|', ...headlines].join('\n')}

## Events: \`event\`, \`title\`

A line may mark an event, such as a boot or a crash.
The row of a headline has an event, and a title as good as the line allows.
A later line of the same entry with more information (the function, the victim, the message) has the better title and no event, so the agent delays no row.
**The title of an entry is that of its last row with a title**, and an entry without an event marks nothing.

A title has no addresses, ids, numbers, mail addresses, queries of a URL, or names of temporary files.
\`NUM\`, \`ADDR\`, \`IP\`, \`UUID\`, \`ID\`, \`EMAIL\` and \`?QUERY\` replace them, so the same cause has the same title on every host.
Digits of a name stay: \`x86_64\`, \`HTTP_404\`, \`boto3\`.

| example | lines | event | title |
|---|---|---|---|
${eventExamples.map(marked).join('\n')}

- Crashes are \`kernel.panic\`, \`kernel.oops\`, \`kernel.hang\`, \`kernel.oom\` and \`kernel.warning\` (the worst first), and the panics with a known cause: \`init.missing\` and \`rootfs.missing\`.
- Later headlines of an incident have their own event and the title of the incident.
  These are a panic after its cause (within ${limits.parse.incident_s} s), hangs one after the other (${limits.parse.hang_incident_s} s), and the consequences of an oops (${limits.parse.incident_s} s).
  So one title in one boot is one crash.
- The parser looks for the function in ${limits.parse.crash_lines_max.toLocaleString('en')} lines below the headline.
  It ignores frames with a \`?\`, which are remnants, and functions that many causes share: reports and traps, sanitizers, string functions, allocators, locks, counters and lists, timers.
  Until it finds one, or if the trace is cut off, the title has the text of the headline, the instruction pointer or the work queue.
- Only the kernel's own lines are headlines: lines with its stamp, lines behind \`kernel:\` of a log daemon, and lines without a stamp that can be nothing else.
  A crash that a program prints behind its own stamp or tag is no headline, and neither is a bare \`WARNING: \` or \`INFO: \`.
- \`boot.ready\` occurs once a boot, in one of the first ${limits.parse.boot_lines_max.toLocaleString('en')} lines of programs, if that line has one of the texts of the setting \`ready\`.
  It does not occur after a panic or a lost root file system.
  A console begins as a boot, even without a line that says so.
  A kernel that repeats its first lines, because an early console was there, boots once.
- The event of a line of \`events.jsonl\` is the runtime's own \`type\`; an agent knows ${limits.parse.events_max.toLocaleString('en')} different ones at most.
  It knows ${limits.parse.titles_max.toLocaleString('en')} titles; a further crash has its event as title.

## Known limits

- A message of several lines ends an entry if no indent and no brace marks the lines (\`ValueError: a\` and then the second line of its text).
  The parser has to separate a line from the next one without waiting for it.
- Lines that a program merely indents are not joined.
`;
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(resolve(import.meta.dirname, '../parsing.md'), parsingPage());
}
