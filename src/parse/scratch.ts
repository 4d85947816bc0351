import { type JsonFields, newJsonFields } from './level/json_line.ts';
import { newProgramName, type ProgramName } from './level/program.ts';
import { newTraits, type Traits } from './line/traits.ts';
import { newStamp, type Stamp } from './time/stamp.ts';

/**
 * Working memory for one line. Functions receive the parts that they fill or read. Each part sets its fields
 * before it reads them, so nothing of the line before remains, and parsers that take turns can share one.
 */
export interface Scratch {
  traits: Traits;
  stamp: Stamp;
  program: ProgramName;
  json: JsonFields;
}

export const newScratch = (): Scratch => ({
  traits: newTraits(),
  stamp: newStamp(),
  program: newProgramName(),
  json: newJsonFields(),
});
