import fc from 'fast-check';

/**
 * Seed of generated values: the same in every run unless `TEST_SEED` sets another one, so that a search for
 * rare bugs is deliberate, and does not disturb other runs. A failure prints its seed.
 */
export const seed = Number(process.env.TEST_SEED ?? 1);

fc.configureGlobal({ seed });

export { fc };
