import { humanBytes } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { openStore } from '../../store/query.ts';
import { listSandboxes } from '../../store/read/sandboxes.ts';
import { shortTime, table } from '../format.ts';
import { jsonLine, print } from '../output.ts';

/** `afterlog sandboxes`: lists them, most recently seen first. */
export async function sandboxes(
  settings: Settings,
  options: { json?: boolean; limit: number },
): Promise<void> {
  const store = openStore(settings);
  try {
    // Requests one more than it shows, to know whether there are more.
    const found = await listSandboxes(store, null, options.limit + 1);
    const shown = found.slice(0, options.limit);
    if (options.json) {
      await print(shown.map(jsonLine).join(''));
      return;
    }
    if (shown.length === 0) console.error('No sandbox has been seen yet.');
    else {
      const rows = shown.map((s) => [
        s.id,
        s.state,
        shortTime(s.first_seen),
        shortTime(s.last_seen),
        humanBytes(s.bytes),
        String(s.gaps),
        s.host,
      ]);
      await print(
        table(['ID', 'STATE', 'FIRST SEEN', 'LAST SEEN', 'SIZE', 'GAPS', 'HOST'], rows, {
          right: ['SIZE', 'GAPS'],
        }),
      );
    }
    if (found.length > shown.length) {
      console.error(`Showing the newest ${shown.length}; use --limit for more.`);
    }
  } finally {
    await store.client.close();
  }
}
