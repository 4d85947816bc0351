import { readFileSync } from 'node:fs';
import { stamp } from './lines.ts';

/** A line of a recorded console with its line end (latin1, so that each byte is one character). */
export interface RecordedLine {
  /** Pause before the line in ms, shortened. */
  after_ms: number;
  text: string;
}

/** Longer pauses of a recording are shortened to this. */
const pause_ms_max = 350;
/** Recorded boots take 3 to 9 s; the demo plays them three times as fast. */
const speed = 3;
const kernel_clock = /^\[ *(\d+\.\d{6})\]/;
const line_stamp = /^\d{4}-\d\d-\d\dT(\d\d):(\d\d):(\d\d)Z /;

const loaded = new Map<string, RecordedLine[]>();

/** A console of `fixtures/consoles`, with pauses according to the timestamps in its lines. */
export function recording(name: string): RecordedLine[] {
  const known = loaded.get(name);
  if (known) return known;
  const path = new URL(`../../fixtures/consoles/${name}.log`, import.meta.url);
  const lines = timed(readFileSync(path, 'latin1'));
  loaded.set(name, lines);
  return lines;
}

function timed(text: string): RecordedLine[] {
  const lines: RecordedLine[] = [];
  let uptime_ms = 0;
  let clock_ms: number | null = null;
  for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    let passed_ms = 0;
    const kernel = kernel_clock.exec(line);
    const stamped = line_stamp.exec(line);
    if (kernel) {
      passed_ms = Number(kernel[1]) * 1000 - uptime_ms;
      uptime_ms += Math.max(0, passed_ms);
    } else if (stamped) {
      const now_ms = (Number(stamped[1]) * 3600 + Number(stamped[2]) * 60 + Number(stamped[3])) * 1000;
      passed_ms = clock_ms === null ? 0 : now_ms - clock_ms;
      clock_ms = now_ms;
    }
    lines.push({ after_ms: Math.min(Math.max(0, passed_ms / speed), pause_ms_max), text: line });
  }
  return lines;
}

/** Only the boot, up to the line where the guest's agent is ready. */
export function bootOf(lines: RecordedLine[]): RecordedLine[] {
  let ready = -1;
  for (const [index, line] of lines.entries())
    if (/\[agent\] sshd \| listening/.test(line.text)) ready = index;
  return ready === -1 ? lines : lines.slice(0, ready + 1);
}

/** Replaces sandbox id and time of a recorded line. The length stays the same. */
export function asOf(line: string, sandbox_id: string, at_ms: number): string {
  return line
    .replace(/\bsb-[0-9a-f]{12}\b/g, sandbox_id)
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, stamp(at_ms))
    .replace(/(system clock to )\S{19} UTC \(\d{10}\)/, (_, before: string) => {
      return `${before}${stamp(at_ms).slice(0, 19)} UTC (${Math.floor(at_ms / 1000)})`;
    });
}
