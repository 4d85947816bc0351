import { AfterlogError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { requireSandboxId } from '../base/sandbox_id.ts';
import type { LogTail } from '../tail/log_tail.ts';
import type { Tailer } from '../tail/tailer.ts';
import type { Pipeline } from './pipeline.ts';

/** One log of a flushed sandbox: the counts of its latest stream, all of them safe. */
export interface FlushedLog {
  log: string;
  stream_started_at_ns: string;
  bytes: number;
  lines: number;
  gaps: number;
  /**
   * Bytes of an unfinished last line: saved with the state, and a row as soon as the line or the stream ends.
   */
  unfinished_bytes: number;
  /**
   * The file was written over in place, and so many bytes are new ones of which no row exists, or are left of
   * what it held before. If the writer does not go on, a gap row says so.
   */
  unsure_bytes: number;
  /** Why the stream is over; null while it goes on. */
  sealed: string | null;
}

/**
 * Resolves when every byte that the sandbox's logs hold now is safe: read, and durable in the spool. It waits
 * until rotated files are closed.
 * @throws AfterlogError ID_INVALID, FLUSH_UNKNOWN, FLUSH_LATE
 */
export async function flushSandbox(
  tailer: Tailer,
  pipeline: Pipeline,
  sandbox: string,
): Promise<FlushedLog[]> {
  requireSandboxId(sandbox);
  const signal = AbortSignal.timeout(limits.agent.flush_ms);
  const drained = await tailer.drain(sandbox, signal);
  if (drained === null) {
    throw new AfterlogError('FLUSH_UNKNOWN', `No log of sandbox '${sandbox}' is open on this host.`);
  }
  const { tails, unread } = drained;
  if (unread.length > 0 || !(await pipeline.settle(signal))) {
    const why = pipeline.paused ?? (unread.join(', ') || 'the spool is slow');
    throw new AfterlogError(
      'FLUSH_LATE',
      `Not all bytes of sandbox '${sandbox}' are safe after ${limits.agent.flush_ms / 1000} s: ${why}.`,
    );
  }
  return tails.filter(({ stream }) => stream !== null).map(flushedLog);
}

function flushedLog({ log, stream, sealed, files }: LogTail): FlushedLog {
  const { bytes, lines, gaps } = stream!.totals();
  return {
    log,
    stream_started_at_ns: stream!.started,
    bytes,
    lines,
    gaps,
    unfinished_bytes: files.first?.cursor.unfinished?.length ?? 0,
    unsure_bytes: files.first?.cursor.unsure_bytes ?? 0,
    sealed,
  };
}
