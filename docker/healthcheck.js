/**
 * The health check of a container. A container runs one role, and each role answers on an address of its own; the
 * server is asked whether it can read from ClickHouse too. Exits 0 if one says that it is well.
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
