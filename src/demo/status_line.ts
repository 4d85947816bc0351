import { escapedJson, humanBytes } from '../base/text.ts';
import type { View } from './screen.ts';
import { count } from './text.ts';

/** A line for a pipe: names and values without units and escape codes. */
export function statusLine(view: View): string {
  const { fleet, stored, compared, kafka_lag } = view;
  const values: Record<string, string | number> = {
    ...fleetValues(fleet),
    rows: stored?.rows ?? 0,
    behind_s: stored?.behind_ms == null ? '-' : (stored.behind_ms / 1000).toFixed(1),
    spool_bytes: view.agent.spool_bytes,
    ...(kafka_lag === undefined ? {} : { kafka_lag: kafka_lag ?? '-' }),
    compared: compared.whole,
    waiting: compared.waiting,
    lost_bytes: compared.lost_bytes,
    differing: compared.wrong.length,
  };
  const trouble = view.trouble === null ? '' : ` trouble=${escapedJson(JSON.stringify(view.trouble))}`;
  return `${fieldsLine(values)}${trouble}`;
}

/** The same for a fleet without other roles. */
export const fleetLine = (fleet: View['fleet']): string => fieldsLine(fleetValues(fleet));

const fleetValues = ({ alive, deleted, failed, lines, bytes }: View['fleet']) => ({
  alive,
  deleted,
  failed,
  lines,
  bytes,
});

function fieldsLine(values: Record<string, string | number>): string {
  const fields = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  return `${new Date().toISOString().slice(11, 19)} ${fields.join(' ')}`;
}

/** The results as one line for people. */
export function summaryLine(view: View): string {
  const { fleet, compared, stored } = view;
  const { whole, wrong, lost_bytes, waiting } = compared;
  const outcome =
    wrong.length > 0
      ? `${wrong.length} differ (${humanBytes(lost_bytes)} lost): ${wrong.join(', ')}`
      : `${whole} compared byte for byte, 0 bytes lost`;
  const open = waiting > 0 ? `, ${waiting} not complete yet` : '';
  const kept =
    view.trouble === null
      ? `${count(stored?.rows ?? 0)} rows are kept for the next start.`
      : `The last look at ClickHouse failed: ${view.trouble}`;
  return (
    `Ran ${fleet.started} sandboxes, ${humanBytes(fleet.bytes)} in ${count(fleet.lines)} lines. ` +
    `${fleet.deleted} were deleted: ${outcome}${open}. ${kept}`
  );
}
