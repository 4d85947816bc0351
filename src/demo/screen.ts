import type { AgentStatus } from '../agent.ts';
import type { Compared } from './compare.ts';
import type { Stored } from './figures.ts';
import type { FleetStatus } from './fleet.ts';
import { byteText, durationText, harmless, padTo, shellLines } from './text.ts';

/** All that the screen shows, gathered elsewhere. */
export interface View {
  elapsed_ms: number;
  /** `through Kafka` or `direct to ClickHouse`. */
  way: string;
  fleet: FleetStatus;
  /** Lines a second that the fleet wrote lately. */
  lines_rate: number;
  agent: Pick<AgentStatus, 'spool_bytes' | 'gaps' | 'paused' | 'last_error'>;
  /** Null until ClickHouse has answered for the first time. */
  stored: Stored | null;
  compared: Compared;
  /** What keeps the figures from being read, null if nothing. */
  trouble: string | null;
  /** Of the HTTP API, http://host:port. */
  address: string;
}
export type Style = 'plain' | 'title' | 'quiet' | 'good' | 'bad' | 'command';
export interface Row {
  text: string;
  style: Style;
}

const label_columns = 10;
const count = (value: number): string => Math.round(value).toLocaleString('en-US');
/** Sandboxes listed that run, and as many that have ended. */
const listed = 3;

/**
 * The screen as lines of at most `width` columns and, as far as its parts allow, `height` rows: when it is too
 * high, the list of sandboxes goes first, then the commands.
 */
export function renderScreen(view: View, width: number, height = Number.POSITIVE_INFINITY): Row[] {
  const head = [title(view, width), blank, ...figures(view, width), blank];
  const tail = commands(view, width);
  const sandboxes = sandboxRows(view, width).slice(0, Math.max(0, height - head.length - tail.length - 1));
  const middle = sandboxes.length > 0 ? [...sandboxes, blank] : [];
  return [...head, ...middle, ...tail].slice(0, Math.max(1, height));
}

const blank: Row = { text: '', style: 'plain' };

function title(view: View, width: number): Row {
  const parts = ['afterlog demo', durationText(view.elapsed_ms), view.way, 'Ctrl-C ends it'];
  while (parts.length > 1 && parts.join(' · ').length > width) parts.splice(parts.length > 2 ? 2 : 1, 1);
  return { text: harmless(parts.join(' · '), width), style: 'title' };
}

function figures(view: View, width: number): Row[] {
  const { fleet, agent, stored } = view;
  const rows = [
    figure(
      'sandboxes',
      [`${fleet.alive} alive`, `${fleet.deleted} deleted`, `${fleet.crashed} crashed`],
      width,
    ),
    figure(
      'written',
      [byteText(fleet.bytes), `${count(fleet.lines)} lines`, `${count(view.lines_rate)} lines/s`],
      width,
    ),
    figure('stored', stored ? storedParts(stored) : ['waiting for ClickHouse'], width),
    figure('spool', [`${byteText(agent.spool_bytes)} on the way`], width),
    lost(view.compared, width),
  ];
  const trouble = view.trouble ?? agent.paused ?? agent.last_error ?? fleet.last_error;
  return trouble === null ? rows : [...rows, { ...figure('trouble', [trouble], width), style: 'bad' }];
}

function storedParts(stored: Stored): string[] {
  const behind = stored.behind_ms === null ? [] : [`${(stored.behind_ms / 1000).toFixed(1)} s behind`];
  return [`${byteText(stored.bytes)} on disk`, `${count(stored.rows)} rows`, ...behind];
}

function lost(compared: Compared, width: number): Row {
  const { whole, wrong, lost_bytes, waiting } = compared;
  if (wrong.length > 0) {
    const row = figure(
      'lost',
      [`${byteText(lost_bytes)}`, `${wrong.length} sandboxes differ: ${wrong.at(-1)}`],
      width,
    );
    return { ...row, style: 'bad' };
  }
  if (whole === 0) return figure('lost', ['nothing compared yet', `${waiting} to compare`], width);
  const row = figure('lost', ['0 bytes', `${count(whole)} compared`, `${waiting} to come`], width);
  return { ...row, style: 'good' };
}

/** A label and as many of the parts, in columns, as have room. */
function figure(label: string, parts: string[], width: number): Row {
  let text = `  ${label.padEnd(label_columns)}`;
  const room = width - text.length;
  const column = room >= 54 ? 18 : 0;
  for (const [index, part] of parts.entries()) {
    const cell = index === 0 ? part : column > 0 ? part : `, ${part}`;
    if (index > 0 && text.length + cell.length > width) break;
    text += column > 0 && index < parts.length - 1 ? cell.padEnd(Math.max(column, cell.length + 2)) : cell;
  }
  return { text: harmless(text.trimEnd(), width), style: 'plain' };
}

function sandboxRows(view: View, width: number): Row[] {
  const { recent } = view.fleet;
  const lines = view.stored?.last_lines;
  const alive = recent.filter((sandbox) => sandbox.state === 'running');
  // The newest of all often has no line yet.
  const running = alive
    .toSorted((a, b) => Number(lines?.has(b.id) ?? 0) - Number(lines?.has(a.id) ?? 0))
    .slice(0, listed);
  const ended = recent.filter((sandbox) => sandbox.state !== 'running').slice(0, listed);
  return [...running, ...ended].map((sandbox): Row => {
    const last = lines?.get(sandbox.id) ?? '';
    const state = padTo(sandbox.state, 8);
    const text = harmless(`  ${sandbox.id} ${state} ${harmless(last, width)}`, width);
    return { text: text.trimEnd(), style: sandbox.state === 'crashed' ? 'bad' : 'quiet' };
  });
}

function commands(view: View, width: number): Row[] {
  const ended = view.fleet.recent.filter((sandbox) => sandbox.state === 'deleted');
  // One that ClickHouse has lines of, so that the command shows something.
  const known = ended.find((sandbox) => view.stored?.last_lines.has(sandbox.id)) ?? ended.at(-1);
  const id = (known ?? view.fleet.recent.at(-1))?.id;
  if (id === undefined) return [];
  const lines = [
    'npx afterlog sandboxes',
    `npx afterlog logs ${id} --tail 20`,
    'npx afterlog sql "SELECT source, count() FROM console_logs GROUP BY source"',
    `curl "${view.address}/v1/sandboxes/${id}/logs?tail=20"`,
  ];
  const state = known ? 'deleted, and still here' : 'alive';
  const heading = harmless(`In another terminal (${id}: ${state}):`, width);
  return [
    { text: heading, style: 'plain' },
    ...lines.flatMap((line) => shellLines(line, width).map((text): Row => ({ text, style: 'command' }))),
  ];
}
