import { until } from './patience.ts';

/** Waits until something waits for what it is to wait for: on a slow machine that may be something else first. */
export async function waitsFor(one: { status(): { paused: string | null } }, what: RegExp): Promise<void> {
  await until(
    () => what.test(one.status().paused ?? ''),
    () => `${what}: ${one.status().paused}`,
  );
}
