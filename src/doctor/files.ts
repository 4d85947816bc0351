import type { Settings } from '../config/settings.ts';
import { type Finding, many, reporter } from './finding.ts';
import type { FoundLog, Survey } from './survey.ts';
import { grantText, nameOf, type User } from './user.ts';

const say = reporter('files', ['agent']);

/** Checks that this user can list the sandboxes and read their logs. */
export function fileFindings(settings: Settings, found: Survey, user: User): Finding[] {
  const { root, failure, sandboxes, looked, logs, closed } = found;
  if (failure === 'ENOENT') {
    const cure = `If no sandbox ever ran here, nothing: the agent waits for the folder. Otherwise correct AFTERLOG_DATA_DIR or AFTERLOG_LAYOUT (${settings.layout}).`;
    return [say.note('sandboxes', `There is no folder ${root} yet.`, { cure })];
  }
  if (failure !== null) {
    const cure = `Run the agent as a user that may list it, or ${grantText('CAP_DAC_READ_SEARCH')}.`;
    return [say.error('sandboxes', `User ${user.name} cannot list ${root} (${failure}).`, { cure })];
  }
  const some = looked < sandboxes ? ` (${looked} of them checked)` : '';
  const seen = `${many(sandboxes, 'sandbox', 'sandboxes')} in ${root}${some}`;
  const unreadable = logs.filter((log) => !log.isReadable);
  if (closed.length > 0 || unreadable.length > 0) return [locked(found, unreadable, user)];
  if (logs.length > 0) return [say.ok('readable', `${seen}: ${many(logs.length, 'log')}, all readable.`)];
  const cure = 'Run doctor again while a sandbox runs, to check the rights of its files.';
  return [say.note('readable', `${seen}; there is no log to check.`, { cure })];
}

function locked({ closed }: Survey, unreadable: FoundLog[], user: User): Finding {
  const [first] = unreadable;
  const example =
    first === undefined
      ? closed[0]!
      : `${first.path} (owner ${nameOf(first.uid)}, mode ${first.mode.toString(8).padStart(4, '0')})`;
  const what = [
    ...(unreadable.length > 0 ? [many(unreadable.length, 'log')] : []),
    ...(closed.length > 0 ? [`the folders of ${many(closed.length, 'sandbox', 'sandboxes')}`] : []),
  ].join(' and ');
  const owner = first === undefined ? 'their owner' : nameOf(first.uid);
  return say.error('readable', `User ${user.name} may not read ${what}, such as ${example}.`, {
    cure: `Run the agent as ${owner}, or ${grantText('CAP_DAC_READ_SEARCH', 'CAP_FOWNER')}.`,
  });
}
