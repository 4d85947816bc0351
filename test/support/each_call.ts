import type { TestContext } from 'node:test';

/**
 * Has an agent die at its first call, then at its second one, and so on, each time in a test of its own, until it lives.
 * @param dies returns whether the agent died
 */
export async function atEachCall(
  t: TestContext,
  dies: (t: TestContext, calls: number) => Promise<boolean>,
): Promise<void> {
  let hasDied = true;
  for (let calls = 1; hasDied; calls++) {
    // A test that fails is the last one.
    hasDied = false;
    await t.test(`at call ${calls}`, async (t) => {
      hasDied = await dies(t, calls);
    });
  }
}
