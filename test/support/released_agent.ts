import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { NOWHERE } from './nowhere.ts';
import { until } from './patience.ts';
import { releasedRole } from './released.ts';
import { type SpoolRow, SpoolRows } from './spool_rows.ts';
import { temporaryDir } from './temporary.ts';

/**
 * A host with an agent of the released command, not started yet. Its ClickHouse is a closed port, so that its
 * rows stay in its spool, where the test reads them.
 */
export async function releasedAgent(t: TestContext, settings: Record<string, string> = {}) {
  const dir = await temporaryDir(t);
  const [vms, state] = [join(dir, 'data', 'vms'), join(dir, 'state')];
  mkdirSync(vms, { recursive: true });
  const agent = releasedRole(t, ['agent'], {
    AFTERLOG_DATA_DIR: join(dir, 'data'),
    AFTERLOG_STATE_DIR: state,
    AFTERLOG_CLICKHOUSE_URL: `http://${NOWHERE}`,
    AFTERLOG_AGENT_LISTEN: '127.0.0.1:0',
    ...settings,
  });
  const spool = new SpoolRows(join(state, 'spool'));
  t.after(() => spool.close());
  /** The lines of a console that are in the spool. */
  const lines = (sandbox: string): SpoolRow[] =>
    spool
      .poll()
      .of(sandbox, 'console')
      .rows.filter(({ record }) => record === 'line');
  /** The same, once there are so many. */
  const read = async (sandbox: string, count: number): Promise<SpoolRow[]> => {
    await until(
      () => lines(sandbox).length >= count,
      () => `${count} lines of ${sandbox}, not ${lines(sandbox).length}\n${agent.output}`,
    );
    return lines(sandbox);
  };
  const path = (sandbox: string): string => join(vms, sandbox, 'console.log');
  /** A new console, complete before the agent can see it. @returns its path */
  const write = (sandbox: string, text: string): string => {
    const hidden = join(dir, sandbox);
    mkdirSync(hidden);
    writeFileSync(join(hidden, 'console.log'), text);
    renameSync(hidden, join(vms, sandbox));
    return path(sandbox);
  };
  return { agent, vms, state, path, write, lines, read };
}
