import { headlineSeverity, rawHeadline } from './kernel/headlines.ts';
import { readJson } from './level/json_line.ts';
import * as severities from './level/severity.ts';
import { bytes } from './line/bytes.ts';
import type { Line } from './line/line.ts';
import { hints, ways } from './line/traits.ts';
import type { Scratch } from './scratch.ts';
import { forms, type Stamp } from './time/stamp.ts';

const { LBRACE, SPACE, TAB } = bytes;

/** The level of a line whose stamp and source are known, where nothing has told it yet. */
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
  if (isStamped) line.severity = besideStamp(b, end, stamp);
  if (line.severity === 0) {
    const isIndented = b[text] === SPACE || b[text] === TAB;
    if (!isIndented || isStamped)
      line.severity = severities.severityOfText(b, text, end, isStamped && traits.way !== ways.tagged);
  }
}

/** Levels of one letter or sign, that only the form of the stamp tells from text. */
function besideStamp(b: Uint8Array, end: number, stamp: Stamp): number {
  if (stamp.form === forms.plain) return 0;
  if (stamp.form === forms.access) return severities.severityOfAccess(b, stamp.end, end);
  if (stamp.form === forms.glog) return severities.severityOfLetter(b[stamp.start]!);
  if (stamp.form === forms.logcat) return severities.severityOfLogcat(b, Math.min(stamp.end, end), end);
  return severities.severityOfSign(b, stamp.end, end);
}
