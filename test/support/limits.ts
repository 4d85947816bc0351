import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { limits } from '../../src/base/limits.ts';

type Limits = typeof limits;
export type Overrides = { [Group in keyof Limits]?: { [Key in keyof Limits[Group]]?: number } };

/**
 * Limits that a module copies while it loads, where an override would come too late: bounds of what is
 * stored, beside the loop that checks them for each line, and bounds in the schemas of requests.
 */
export const readAtLoad = new Set([
  ...['batch.block_bytes_max', 'batch.message_bytes_max', 'batch.rows_max'],
  ...['parse.clock_skew_max_s', 'parse.line_bytes_max', 'parse.entry_bytes_max', 'parse.entry_lines_max'],
  ...['parse.entry_pause_bytes_max', 'parse.events_max', 'parse.sources_max', 'parse.titles_max'],
  ...['parse.sources_sweep_ms', 'parse.stream_sources_max', 'parse.stream_titles_max'],
  ...['question.boots_default', 'question.boots_max', 'question.sandboxes_default', 'question.sandboxes_max'],
  ...['read.page_lines_max', 'read.tail_lines_default', 'read.tail_lines_max', 'read.wait_s_default'],
  ...[
    'read.wait_s_max',
    'redact.patterns_max',
    'search.buckets_default',
    'search.buckets_max',
    'search.chars_max',
  ],
  ...['search.context_max', 'search.lines_default', 'search.lines_max'],
]);

/** Sets limits of this process: until the test `t` ends, or for good. */
export function overrideLimits(overrides: Overrides, t?: TestContext): void {
  for (const [group, values] of Object.entries(overrides)) {
    const at = limits[group as keyof Limits] as Record<string, number>;
    for (const [key, value] of Object.entries(values)) {
      const name = `${group}.${key}`;
      assert.ok(!readAtLoad.has(name), `${name} is read while its module loads: an override comes too late`);
      assert.ok(key in at, `There is no limit ${name}.`);
      const before = at[key]!;
      at[key] = value;
      t?.after(() => {
        at[key] = before;
      });
    }
  }
}
