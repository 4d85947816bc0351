/**
 * Makes docs/parsing.md from the parser's tables, and from what the parser says of the examples.
 *
 *   node docs/generate/parsing.ts
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { limits } from '../../src/base/limits.ts';
import { kernelHeadlines } from '../../src/parse/kernel/headlines.ts';
import { jsonKeys } from '../../src/parse/level/json_line.ts';
import { levelWords } from '../../src/parse/level/severity.ts';
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
  return [row('what', 'line', ...heads), `|${'---|'.repeat(2 + heads.length)}`, ...rows].join('\n');
}

/** `event` of the first line that has one, and the title that counts. */
function marked([what, lines]: readonly [string, string[]]): string {
  const rows = read(lines);
  const event = rows.find((found) => found.event !== '')?.event ?? '';
  const title = rows.findLast((found) => found.title !== '')?.title ?? '';
  return row(what, lines.map(code).join('<br>'), code(event), code(title));
}

/** The page, as it stands in docs/parsing.md. */
export function parsingPage(): string {
  const zones = Object.entries(zoneMinutes).map(([name, minutes]) => `${name} ${minutes / 60}`);
  const words = Object.entries(levelWords).map(([name, known]) => row(name.toUpperCase(), list(known)));
  const headlines = kernelHeadlines.map(({ text, severity, anywhere, alone }) =>
    row(
      code(anywhere ? `…${text}` : text),
      (severity ?? '').toUpperCase(),
      severity === undefined ? 'what its text says' : alone ? 'the line alone' : 'a report',
    ),
  );
  const entries = entryExamples.map(
    ([what, lines]) =>
      `**${what}**\n\n\`\`\`text\n${read(lines)
        .map(({ isFirst, text }) => `${isFirst ? '  ' : '│ '}${text}`.trimEnd())
        .join('\n')}\n\`\`\``,
  );
  return `# How lines are read

Made by \`npm run docs\` from the parser's tables and from what it says of these lines; do not edit. \`afterlog parse FILE\`
shows the same for any file, \`npm run eval -- FOLDER\` measures it on logs with ground truth, \`node bench/parse.ts\` its cost. A row stays a
physical line, and \`prefix\`, \`message\`, \`ending\` stay its bytes: what is read of them stands in columns of its own.

## Time: \`timestamp\`, \`timestamp_kind\`

${examples(['kind', 'time'], stampExamples, ({ kind, time }) => [kind, time])}

- The first stamp counts that begins the line, stands in brackets, or follows a few fields. A time that a sentence speaks of is none.
- Without a zone it is UTC. Names of zones that mean one offset everywhere count (${zones.join(', ')} h); another name counts as UTC.
- \`line\` is a stamp of the line's own, \`time_of_day\` one whose day is that of the lines around it, \`kernel_clock\` seconds since boot;
  \`inherited\` is the time of the line before, \`observed\` the host clock when it was read.
- A stamp is not believed, and \`observed\` chosen, when it is before 2000, or ${limits.parse.clock_skew_max_s} s before its line can have been written or after it was
  read. A line is written after its console's file was made and, where the agent follows it, after the last time that all had been read. So
  the stale clock of a resumed guest does not win. The text of the stamp stays in \`prefix\`.
- Kernel seconds count from where the console began, until something says better: while the agent follows the console, the host clock; else
  stamps of other lines, which kernel lines before them cannot be later than, and those behind them not earlier. Smaller seconds are a new boot. After a
  wake, which the kernel's seconds leave out, they are placed anew.
- A line without a stamp has the time of the line before; but \`observed\` when that is older than the last moment at which all had been read.
- \`afterlog parse FILE\` reads a file of any age: the file's last change stands for the moment of reading, and stamps are believed from 1990 on
  however far they are from it. Kernel seconds are placed by the stamped lines behind them; in a file without any, by the file's birth,
  which is when it was copied if it is a copy: then only their distances mean something.

## Source

${examples(['source'], sourceExamples, ({ source }) => [source])}

A stream brings at most ${limits.parse.stream_sources_max} names, an agent ${limits.parse.sources_max}; lines of more are of source \`app\`. \`events.jsonl\` is of source \`runtime\`, \`firecracker.log\` of \`firecracker\`.

## Severity

OpenTelemetry's texts; empty where the line says none.

${examples(['severity'], severityExamples, ({ severity }) => [severity || 'none'])}

Words, in any case where a bracket, a colon or \`level=\` shows them to be levels:

${[row('severity', 'words'), '|---|---|', ...words].join('\n')}

## JSON lines

The first of these fields counts, at the top level of the object: time ${list(jsonKeys.time)}; level ${list(jsonKeys.severity)}; source ${list(jsonKeys.source)}.

## Entries: \`entry_position\`

Lines that belong together have the same \`entry_position\`: that of the first one. Each source has an open entry of its own (${limits.parse.open_entries_max} at most for a
stream), so that what speaks in between does not end it; kernel lines also by task or processor where they name it. Colours are stepped over, and a
tag before every line changes nothing. Lines of more than ${limits.parse.line_bytes_max / 1024} KiB, lines that a writer cut at a power of two from 4 KiB on, and partial lines of
container runtimes are one entry. What is open is saved with the position in the spool: entries go on across rotation and a restart of the agent. An
entry goes on as a new one after ${limits.parse.entry_lines_max.toLocaleString('en')} lines or ${limits.parse.entry_bytes_max / 1024 / 1024} MiB, and ends where others write ${limits.parse.entry_pause_bytes_max / 1024} KiB in between. A progress bar of bare carriage returns is one line.

A bar stands before lines that belong to the one above.

${entries.join('\n\n')}

Kernel reports, and lines that mark something, begin with

${[row('line begins with', 'severity', ''), '|---|---|---|', ...headlines].join('\n')}

## Events: \`event\`, \`title\`

What a line marks, if anything. A headline's row has an event, and a title as far as the line itself tells it. A later line of the same entry that
tells more (the function, the victim, the message) has the better title and no event, so nothing is held back: **the title of an entry is that of its
last row that has one**, and an entry without events marks nothing. Addresses, ids, numbers, mail addresses, what a URL asks for
and names of temporary files are not in a title (\`NUM\`, \`ADDR\`, \`IP\`, \`UUID\`, \`ID\`, \`EMAIL\`, \`?QUERY\` stand for them), so that the same
cause has the same title on every host. Digits that belong to a name stay: \`x86_64\`, \`HTTP_404\`, \`boto3\`.

| what | lines | event | title |
|---|---|---|---|
${eventExamples.map(marked).join('\n')}

- Crashes are \`kernel.panic\`, \`kernel.oops\`, \`kernel.hang\`, \`kernel.oom\`, \`kernel.warning\` (from the gravest), \`init.missing\` and \`rootfs.missing\` (panics
  of which that is the cause). Later headlines of an incident have their own event and its title: a panic after what it is for (within
  ${limits.parse.incident_s} s), hangs one after the other (${limits.parse.hang_incident_s} s), what an oops brings with it (${limits.parse.incident_s} s). So one title in one boot is one crash.
- The function is looked for in ${limits.parse.crash_lines_max} lines below the headline. Frames with a \`?\` are remnants and do not count, and neither do functions that many causes
  share: reports and traps, sanitizers, string functions, allocators, locks, counters and lists, timers.
  Until one is found, or where the trace is cut off, the title names what the headline, the instruction pointer or the work queue says.
- Only the kernel's own lines are headlines: those with its stamp, behind \`kernel:\` of a log daemon, or without a stamp when the whole line can be nothing else.
  What a program prints of a crash behind its own stamp or tag is none, and so is a bare \`WARNING: \` or \`INFO: \`.
- \`boot.ready\` comes once a boot, when a line of the first ${limits.parse.boot_lines_max.toLocaleString('en')} that programs write has one of the texts of the setting \`ready\`; not after a panic or a lost
  root file system. A console begins as a boot, though nothing says so. A kernel that tells its first lines twice, because an early console was there, boots once.
- Of \`events.jsonl\` the event is the runtime's own \`type\`; ${limits.parse.events_max.toLocaleString('en')} different ones at most for an agent. It knows ${limits.parse.titles_max.toLocaleString('en')} titles; what comes after has its event for a title.

Known limits: a message of several lines that no indent and no brace marks ends an entry (\`ValueError: a\` and then the second line of its text), as a line
has to be told from the next one without waiting for it. Lines that a program merely indents are not joined.
`;
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(resolve(import.meta.dirname, '../parsing.md'), parsingPage());
}
