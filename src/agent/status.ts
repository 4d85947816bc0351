import type { Destination, Sender } from '../deliver/sender.ts';
import type { Labels } from '../labels/labels.ts';
import { leftOut } from '../parse/line/names.ts';
import type { Spool } from '../spool/spool.ts';
import type { Pins } from '../tail/pins.ts';
import type { Tailer } from '../tail/tailer.ts';
import { watched } from '../tail/watch.ts';
import type { Pipeline } from './pipeline.ts';

/** Counts since the agent's start, and sizes as they are now. */
export interface AgentStatus {
  sandboxes: number;
  /** Sandboxes that are not read because the limit is reached. */
  sandboxes_left_out: number;
  /** Rows without their source or title, because their sandbox has named too many. */
  sources_left_out: number;
  titles_left_out: number;
  logs: number;
  logs_unreadable: number;
  files_strange: number;
  files_waiting: number;
  /** Files that would be gone but for our pins, and the disk space that they take. */
  held_files: number;
  held_bytes: number;
  /** Of them, copies aside of live files that cannot be read yet. */
  aside_bytes: number;
  /** Files let go of before they were read, and their unread bytes, since the start. */
  let_go_files: number;
  let_go_bytes: number;
  /** Logs that are not read on now, because their sandbox has its fair share on its way. */
  held_back_logs: number;
  /** Read and not delivered: bytes before compression, and some more for each row. */
  undelivered_cost: number;
  /** Files that an open descriptor holds because they cannot be linked. */
  descriptors: number;
  /** Folders with directory events, and folders that are polled because the system refused events. */
  watches: number;
  folders_polled: number;
  lines: number;
  bytes: number;
  batches_encoded: number;
  batches_delivered: number;
  /** Undelivered bytes. */
  spool_bytes: number;
  spool_disk_bytes: number;
  spool_segments: number;
  /** Age of the oldest undelivered batch. */
  spool_oldest_s: number;
  /** Damaged places found in the spool since the start. */
  spool_damaged: number;
  spool_syncs: number;
  gaps: number;
  seals: number;
  /** Sandboxes with a label, sandboxes that wait for one, requests, and failed requests or files. */
  labels_known: number;
  labels_waiting: number;
  labels_asked: number;
  labels_failed: number;
  /** Why nothing is read, or nothing delivered; null if neither. */
  paused: string | null;
  last_error: string | null;
}

/** The parts of an agent with counts. */
interface AgentParts {
  tailer: Tailer;
  pins: Pins;
  pipeline: Pipeline;
  spool: Spool;
  sender: Sender;
  destination: Destination;
  labels: Labels;
}

export function statusOf(parts: AgentParts): AgentStatus {
  const { tailer, pins, pipeline, spool, sender, destination, labels } = parts;
  const { sandboxes, held, lastError } = tailer;
  const { lines, bytes, gaps, seals } = pipeline.counts;
  return {
    sandboxes: sandboxes.size,
    sandboxes_left_out: tailer.leftOut.size,
    ...leftOut,
    ...tailer.counts(),
    held_files: held.files,
    held_bytes: held.bytes,
    aside_bytes: held.aside_bytes,
    let_go_files: held.letGo.files,
    let_go_bytes: held.letGo.bytes,
    held_back_logs: tailer.heldBackLogs,
    undelivered_cost: pipeline.shares.cost,
    descriptors: pins.descriptors,
    watches: watched.by_events,
    folders_polled: watched.by_polling,
    lines,
    bytes,
    batches_encoded: pipeline.batches,
    batches_delivered: sender.counts.batches,
    ...spoolStatus(spool),
    gaps,
    seals,
    ...labels.status,
    ...pipeline.redactor?.status,
    paused: pipeline.paused ?? destination.waiting(),
    last_error: lastError,
  };
}

function spoolStatus(spool: Spool): Pick<AgentStatus, Extract<keyof AgentStatus, `spool_${string}`>> {
  const { segments, bytes } = spool.onDisk();
  return {
    spool_bytes: spool.undelivered_bytes,
    spool_disk_bytes: bytes,
    spool_segments: segments,
    spool_oldest_s: spool.oldest_s(),
    spool_damaged: spool.counts.damaged,
    spool_syncs: spool.counts.syncs,
  };
}
