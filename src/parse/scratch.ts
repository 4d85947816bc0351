import { type JsonFields, newJsonFields } from './level/json_line.ts';
import { newProgram, type Program } from './level/program.ts';
import { newTraits, type Traits } from './line/traits.ts';
import { newStamp, type Stamp } from './time/stamp.ts';

/**
 * Where the parts of the parser leave what they find in one line. Each line fills it anew, so parsers that take turns can share one;
 * functions get the parts that they fill or read.
 */
export interface Scratch {
  traits: Traits;
  stamp: Stamp;
  program: Program;
  json: JsonFields;
}

export const newScratch = (): Scratch => ({
  traits: newTraits(),
  stamp: newStamp(),
  program: newProgram(),
  json: newJsonFields(),
});
