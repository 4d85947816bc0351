/**
 * The health check of a container, which runs one role. It requests the address of each role, and exits with
 * 0 if one of them is healthy. It brings no token, because these pages need none. `/readyz` of the server also
 * checks that the server can read from ClickHouse.
 */
const addresses = [
  ['AFTERLOG_LISTEN', 8600, '/readyz'],
  ['AFTERLOG_AGENT_LISTEN', 8601, '/healthz'],
  ['AFTERLOG_CONSUMER_LISTEN', 8602, '/healthz'],
];

const answers = addresses.map(async ([setting, usual, path]) => {
  const [, host, port] = /^(.*):(\d+)$/.exec(process.env[setting] ?? '') ?? [null, '', usual];
  const isEverywhere = ['', '0.0.0.0', '::', '[::]'].includes(host);
  const url = `http://${isEverywhere ? '127.0.0.1' : host}:${port}${path}`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch((error) => {
    throw new Error(`${url}: ${error.cause?.code ?? error.message}`);
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
});
Promise.any(answers).catch(({ errors }) => {
  console.error(errors.map(({ message }) => message).join('\n'));
  process.exitCode = 1;
});
