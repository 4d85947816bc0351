import { AfterlogError } from '../../base/errors.ts';
import { batchKeyOf, hostKeyOf, hostKeyText, newMasterKey } from '../../config/batch_key.ts';
import type { Settings } from '../../config/settings.ts';
import { masterKeys } from '../../config/signing.ts';
import { jsonLine, print } from '../output.ts';

/** `afterlog token --batch-key`: makes a master key. It is stored nowhere. */
export async function masterKey({ json }: { json?: boolean }): Promise<void> {
  const batch_key = newMasterKey();
  const { id } = batchKeyOf(batch_key);
  if (json) return await print(jsonLine({ batch_key, key_id: id }));
  await print(`${batch_key}\n`);
  console.error(
    `Give master key ${id} to consumers only: AFTERLOG_KAFKA_BATCH_KEY, or …_FILE with the path of a file.`,
  );
  console.error(
    '`afterlog token --host NAME`, with the same setting, prints the key of a host for its agent.',
  );
}

/**
 * `afterlog token --host NAME`: prints the key of a host, from the first master key.
 * @throws AfterlogError SETTING_INVALID, also if no master key is set
 */
export async function hostKey(settings: Settings, { json }: { json?: boolean }): Promise<void> {
  const { host } = settings;
  const [master] = masterKeys(settings);
  if (master === undefined) {
    throw new AfterlogError(
      'SETTING_INVALID',
      'Setting kafka.batch_key (AFTERLOG_KAFKA_BATCH_KEY) is empty; required: the master key, which ' +
        '`afterlog token --batch-key` makes.',
    );
  }
  const batch_key = hostKeyText(hostKeyOf(master, host));
  if (json) return await print(jsonLine({ host, batch_key, key_id: master.id }));
  await print(`${batch_key}\n`);
  console.error(
    `Give it to the agent of host ${host} only: AFTERLOG_KAFKA_BATCH_KEY, or …_FILE. Its master key is ${master.id}.`,
  );
}
