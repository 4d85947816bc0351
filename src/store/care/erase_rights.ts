import { AfterlogError } from '../../base/errors.ts';
import { clickhouseErrors } from '../clickhouse_errors.ts';
import { readError, type Store, selectBytes, selectRows } from '../query.ts';
import { errorNumber } from '../refusal.ts';

/** The rights that an erase needs, as GRANT and CHECK GRANT name them. */
export const eraseRights = (database: string): string =>
  `INSERT ON ${database}.console_logs, ALTER DELETE ON ${database}.console_logs, ALTER DELETE ON ${database}.marks`;

/**
 * Checked before an erase inserts anything: gap rows that report erased lines must not stand beside lines
 * that nobody may delete.
 * @throws AfterlogError ERASE_DENIED
 */
export async function requireEraseRights(store: Store): Promise<void> {
  const answer = await selectBytes(store, `CHECK GRANT ${eraseRights(store.database)}`, {}).catch((error) => {
    // A ClickHouse that is too old for CHECK GRANT: the first deletion then shows whether the rights are
    // there.
    const isOld =
      error instanceof AfterlogError && errorNumber(error.cause) === clickhouseErrors.SYNTAX_ERROR;
    if (isOld) return '1';
    throw error;
  });
  if (String(answer).trim() !== '1') throw await denied(store);
}

const denials = new Set<number>([clickhouseErrors.READONLY, clickhouseErrors.ACCESS_DENIED]);

/** For `.catch()` of a statement that needs these rights. */
export const orDenied =
  (store: Store) =>
  async (error: unknown): Promise<never> => {
    throw denials.has(errorNumber(error) ?? 0) ? await denied(store) : readError(store, error);
  };

async function denied(store: Store): Promise<AfterlogError> {
  const [row] = await selectRows<{ user: string }>(store, 'SELECT currentUser() AS user', {});
  const { user } = row!;
  const grant = `GRANT ${eraseRights(store.database)} TO \`${user}\``;
  return new AfterlogError(
    'ERASE_DENIED',
    `ClickHouse’s user ${user} may not erase, or is readonly. This gives it the rights: ${grant}.`,
  );
}
