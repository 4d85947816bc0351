import type { Settings } from '../../config/settings.ts';
import { migrate as applyMigrations } from '../../store/migrate.ts';
import { openStore, readError } from '../../store/read.ts';
import { print } from '../output.ts';

/** `afterlog migrate`: brings the database to this version's schema, and says what it did. */
export async function migrate(settings: Settings): Promise<void> {
  const store = openStore(settings);
  try {
    const { applied } = await applyMigrations(store.client, store.database).catch((error) => {
      throw readError(store, error);
    });
    const where = `Database '${store.database}' at ${store.url}`;
    if (applied.length === 0) await print(`${where} is up to date.\n`);
    else await print(`${where}: applied ${applied.join(', ')}.\n`);
  } finally {
    await store.client.close();
  }
}
