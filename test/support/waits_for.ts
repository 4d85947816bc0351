import { until } from './patience.ts';

/**
 * Waits until a lander reports the expected reason for its wait: on a slow machine, another reason may come
 * first.
 */
export async function waitsFor(one: { status(): { paused: string | null } }, what: RegExp): Promise<void> {
  await until(
    () => what.test(one.status().paused ?? ''),
    () => `${what}: ${one.status().paused}`,
  );
}
