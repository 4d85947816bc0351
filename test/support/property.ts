import fc from 'fast-check';

/**
 * Where made-up values begin: the same in every run unless `TEST_SEED` says another, so that a rare bug is looked for on
 * purpose, and not found by whoever runs the tests for another reason. What fails is printed with its seed.
 */
export const seed = Number(process.env.TEST_SEED ?? 1);

fc.configureGlobal({ seed });

export { fc };
