import { limits } from '../../base/limits.ts';
import type { ReplayOutcome } from '../../dlq/replay.ts';
import { countText } from '../../store/record.ts';

const LOOK = 'look with `afterlog dlq show ID`, then `afterlog dlq dismiss ID`';

/** Why letters are left after a replay, and what to do then. */
const kinds = {
  refused: ['refused again', 'correct the reason, then replay again'],
  untrusted: [
    'not replayed for their signatures',
    `add the missing key, or vouch for each with --kafka-batch-signatures, or ${LOOK}`,
  ],
  coming: ['not possible yet', 'replay again later'],
  unexplained: [
    'behind batches that may never come',
    `find the sender; replay again later, or if its host did not send it, ${LOOK}`,
  ],
  damaged: ['damaged', `can never be replayed; ${LOOK}`],
  gone: ['gone: expired or erased', `can never be replayed; ${LOOK}`],
} as const satisfies Record<string, readonly [string, string]>;

type Kind = keyof typeof kinds;

/** The letters that a replay of all did not replay. */
export class LettersLeft {
  private readonly found = new Map<Kind, { count: number; ids: string[] }>();

  get count(): number {
    return [...this.found.values()].reduce((sum, { count }) => sum + count, 0);
  }

  add({ letter, state }: ReplayOutcome): void {
    const kind = kindOf(state, letter.code);
    if (kind === null) return;
    const its = this.found.get(kind) ?? { count: 0, ids: [] };
    its.count++;
    if (its.ids.length < limits.topic.left_named) its.ids.push(letter.id);
    this.found.set(kind, its);
  }

  /** One line for each kind. */
  text(): string {
    const lines = [...this.found].map(([kind, { count, ids }]) => {
      const [what, cure] = kinds[kind];
      const more = count - ids.length;
      const which = `${ids.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
      return `  ${count} ${what} (${which}): ${cure}.`;
    });
    return [
      `${countText(this.count, 'dead letter')} left; \`afterlog dlq --state open\` lists what is left:`,
      ...lines,
    ].join('\n');
  }
}

function kindOf(state: ReplayOutcome['state'], code: string | null): Kind | null {
  switch (state) {
    case 'replayed':
    case 'dismissed':
      return null;
    case 'coming':
      // Its host may not have sent it; then nothing before it ever comes.
      return code === null ? 'coming' : 'unexplained';
    case 'damaged':
    case 'gone':
    case 'untrusted':
      return state;
    default:
      return 'refused';
  }
}
