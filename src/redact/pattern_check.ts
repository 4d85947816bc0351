import { automatonOf } from './pattern_automaton.ts';
import { Refused, readPattern } from './pattern_syntax.ts';

/**
 * @returns the fault of a user's pattern, as the end of a sentence (`has a backreference`); null if it has
 * none
 */
export function patternFault(pattern: string): string | null {
  try {
    automatonOf(readPattern(pattern));
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}
