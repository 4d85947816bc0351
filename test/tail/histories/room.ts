import { real } from '../../support/simulated_agent.ts';
import type { History } from './history.ts';
import type { Sandbox } from './sandbox.ts';

/** NULs that the writer will write over from their beginning. @returns false if it cannot be done, or is done already */
export function makeRoom(history: History, sandbox: Sandbox, bytes: number, isSparse = false): boolean {
  if (!sandbox.isThere || sandbox.spare_bytes > 0 || sandbox.over !== null || bytes === 0) return false;
  if (history.world.redacts && bytes > 65_536) return false;
  // First after a truncation, they cannot be told from a hole.
  if (sandbox.content.length === 0) return false;
  history.acts++;
  if (isSparse) real.truncateSync(sandbox.path, real.statSync(sandbox.path).size + bytes);
  else real.appendFileSync(sandbox.path, Buffer.alloc(bytes));
  sandbox.spare_bytes = bytes;
  history.wrote(sandbox);
  return true;
}
