import type { AgentStatus } from '../agent/status.ts';
import { harmless, humanBytes } from '../base/text.ts';
import { commandRows } from './commands.ts';
import type { Compared } from './compare.ts';
import type { Examples } from './examples.ts';
import type { Stored } from './figures.ts';
import type { FleetStatus } from './fleet.ts';
import type { Happening } from './happenings.ts';
import { fit, type Row, type Span, type SpanStyle } from './row.ts';
import { count, durationText, sparkline, wrap } from './text.ts';

/** All data of the screen. */
export interface View {
  elapsed_ms: number;
  fleet: FleetStatus;
  /** Lines that the fleet wrote in each of the last seconds, oldest first. */
  lines_rates: number[];
  agent: Pick<AgentStatus, 'spool_bytes' | 'paused' | 'last_error'>;
  /** Messages that wait in Kafka; null if unknown; undefined without Kafka. */
  kafka_lag: number | null | undefined;
  /** Null until ClickHouse has answered for the first time. */
  stored: Stored | null;
  compared: Compared;
  /** Oldest first. */
  happenings: Happening[];
  examples: Examples;
  /** The reason why the figures cannot be read; null if there is none. */
  trouble: string | null;
  /** URL of the HTTP API: http://host:port. */
  address: string;
}

const label_columns = 12;
const cell_columns = 17;
/** In a narrower terminal, figures are not aligned in columns. */
const columns_width = 64;
const blank: Row = [];

/**
 * The screen as at most `height` lines of at most `width` columns: figures and commands take precedence, and
 * happenings get the remaining rows.
 */
export function renderScreen(view: View, width: number, height = Number.POSITIVE_INFINITY): Row[] {
  const head = [title(view, width), blank, ...figures(view, width), blank];
  const commands = commandRows(view.examples, view.address, width, height - head.length);
  const room = Math.max(0, height - head.length - commands.length - 1);
  const happenings = room === 0 ? [] : view.happenings.slice(-Math.min(room, view.happenings.length));
  const middle = happenings.length > 0 ? [...happenings.map((one) => happeningRow(one, view)), blank] : [];
  return [...head, ...middle, ...commands].slice(0, Math.max(1, height)).map((row) => fit(row, width));
}

function title(view: View, width: number): Row {
  const way = view.kafka_lag === undefined ? 'direct to ClickHouse' : 'through Kafka';
  const name = 'afterlog demo';
  const parts = ['', durationText(view.elapsed_ms), way, 'Ctrl-C stops it'];
  if (name.length + parts.join(' · ').length > width) parts.splice(2, 1);
  return [{ text: name, style: 'strong' }, { text: parts.join(' · ') }];
}

function figures(view: View, width: number): Row[] {
  const { fleet, stored } = view;
  const figure = (label: string, parts: string[], style: SpanStyle = 'plain'): Row => {
    const cells = parts.map((text, index): Span => {
      if (index === parts.length - 1) return { text };
      return {
        text: width < columns_width ? `${text}, ` : text.padEnd(Math.max(cell_columns, text.length + 2)),
      };
    });
    return [
      { text: `  ${label.padEnd(label_columns)}`, style: 'quiet' },
      { ...cells[0]!, style },
      ...cells.slice(1),
    ];
  };
  const trouble = view.trouble ?? view.agent.paused ?? view.agent.last_error ?? fleet.last_error;
  return [
    figure('sandboxes', [
      `${count(fleet.alive)} alive`,
      `${count(fleet.deleted)} deleted`,
      `${count(fleet.failed)} failed`,
    ]),
    figure('written', [
      humanBytes(fleet.bytes),
      `${count(fleet.lines)} lines`,
      ...curve(view.lines_rates, width),
    ]),
    figure(
      'stored',
      stored
        ? [`${humanBytes(stored.bytes)} on disk`, `${count(stored.rows)} rows`]
        : ['waiting for ClickHouse'],
    ),
    figure('lag', lag(view)),
    figure('lost', ...lost(view.compared)),
    ...wrap(harmless(trouble ?? '', { columns: 1_000 }), width - label_columns - 2, 3).map((line, index) =>
      figure(index === 0 ? 'trouble' : '', [line], 'bad'),
    ),
  ];
}

/** The current rate as a number, and the rates of the last seconds as a curve if there is room. */
function curve(rates: number[], width: number): string[] {
  const last = rates.slice(-5);
  const mean = last.reduce((sum, rate) => sum + rate, 0) / Math.max(1, last.length);
  const now = `${count(mean)} lines/s`;
  const room = width - label_columns - 2 - 3 * cell_columns;
  return room < 8 ? [now] : [now, sparkline(rates.slice(-room))];
}

function lag({ stored, agent, kafka_lag }: View): string[] {
  const behind = stored?.behind_ms == null ? '–' : `${(stored.behind_ms / 1000).toFixed(1)} s`;
  const kafka =
    kafka_lag === undefined ? [] : [`${kafka_lag === null ? '–' : count(kafka_lag)} messages in Kafka`];
  return [behind, `${humanBytes(agent.spool_bytes)} in spool`, ...kafka];
}

function lost({ whole, wrong, lost_bytes, waiting }: Compared): [string[], SpanStyle] {
  const deleted = (many: number): string => `in ${count(many)} deleted sandbox${many === 1 ? '' : 'es'}`;
  if (wrong.length > 0) return [[humanBytes(lost_bytes), `${deleted(wrong.length)}: ${wrong.at(-1)}`], 'bad'];
  if (whole === 0) return [['–', `${waiting} deleted, not compared yet`], 'plain'];
  return [['0 bytes', `${deleted(whole)}, compared byte for byte`], 'good'];
}

const styles: Record<Happening['what'], SpanStyle> = {
  booted: 'plain',
  woken: 'plain',
  rotated: 'plain',
  deleted: 'good',
  failed: 'bad',
  lost: 'bad',
};

function happeningRow({ at_ms, id, what, how }: Happening, { stored }: View): Row {
  const words = what === 'failed' ? stored?.last_words.get(id) : undefined;
  return [
    { text: `  ${clock(at_ms)}  `, style: 'quiet' },
    { text: `${id}  ` },
    { text: what.padEnd(9), style: styles[what] },
    { text: how },
    ...(words === undefined
      ? []
      : [{ text: `: ${harmless(words, { columns: 500 })}`, style: 'quiet' as const }]),
  ];
}

/** `12:04:31`, in UTC like all times that afterlog prints. */
const clock = (at_ms: number): string => new Date(at_ms).toISOString().slice(11, 19);
