/**
 * The health check of a container, which runs one role. It requests the address of each role, and exits with
 * 0 if one of them is healthy. `/readyz` of the server also checks that the server can read from ClickHouse.
 */
const addresses = [
  ['AFTERLOG_LISTEN', '/readyz'],
  ['AFTERLOG_AGENT_LISTEN', '/healthz'],
  ['AFTERLOG_CONSUMER_LISTEN', '/healthz'],
];

const answers = addresses.map(async ([setting, path]) => {
  const port = /:(\d+)$/.exec(process.env[setting] ?? '')?.[1];
  const url = `http://127.0.0.1:${port}${path}`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch((error) => {
    throw new Error(`${url}: ${error.cause?.code ?? error.message}`);
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
});
Promise.any(answers).catch(({ errors }) => {
  console.error(errors.map(({ message }) => message).join('\n'));
  process.exitCode = 1;
});
