import type { z } from 'zod';
import { type LineFilter, severities } from '../../store/read/line_filter.ts';
import { logNames } from '../../wire/log_names.ts';
import { BadParameter, choice, moment, nameList, optionalText } from './parameters.ts';

/** The parameters that select lines of a log, for every route that reads one. */
export const lineParameters = {
  log: choice('Which log; console if none is named', logNames),
  source: nameList('Lines of these sources'),
  severity: choice('Lines of this severity and worse', severities),
  since: moment('Lines whose time is not before'),
  until: moment('Lines whose time is before'),
  q: optionalText('Lines that hold this text as it is'),
};

type LineQuery = Omit<z.output<z.ZodObject<typeof lineParameters>>, 'log'>;

/** @throws BadParameter */
export function lineFilterOf({ source, severity, since, until, q }: LineQuery): LineFilter {
  if (since !== undefined && until !== undefined && since >= until) {
    throw new BadParameter('Parameter until must be later than since; else no line can match.');
  }
  return { sources: source, severity, since, until, text: q };
}
