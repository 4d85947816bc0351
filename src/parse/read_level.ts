import { headlineSeverity, rawHeadline } from './kernel/headlines.ts';
import { severityBesideStamp } from './level/beside_stamp.ts';
import { severityOfText } from './level/find_level.ts';
import { readJson } from './level/json_line.ts';
import { bytes } from './line/bytes.ts';
import type { Line } from './line/line.ts';
import { hints, ways } from './line/traits.ts';
import type { Scratch } from './scratch.ts';

const { LBRACE, SPACE, TAB } = bytes;

/** Reads the level of a line whose stamp and source are known, unless it is known already. */
export function readLevel(
  b: Uint8Array,
  end: number,
  line: Line,
  isStamped: boolean,
  scratch: Scratch,
): void {
  const { json, stamp, traits } = scratch;
  const text = line.text_start;
  if (text < end && b[text] === LBRACE) {
    readJson(b, text, end, json, stamp);
    if (line.severity === 0) line.severity = json.severity;
    return;
  }
  if (traits.way === ways.raw) {
    traits.hint = rawHeadline(b, text, end);
    traits.isRawReport = traits.hint === hints.crash;
  }
  if (line.severity !== 0) return;
  if (traits.isRawReport) {
    line.severity = headlineSeverity(b, text, end);
    return;
  }
  if (isStamped) line.severity = severityBesideStamp(b, end, stamp);
  if (line.severity === 0) {
    const isIndented = b[text] === SPACE || b[text] === TAB;
    if (!isIndented || isStamped)
      line.severity = severityOfText(b, text, end, isStamped && traits.way !== ways.tagged);
  }
}
