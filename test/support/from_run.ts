/** An address that `test/run.ts` gives to the tests. Each module that asks for one is named in `needs.ts`. */
export function fromRun(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`${name} is not set: run the tests with \`npm test\`, which starts the servers.`);
  return value;
}
