import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { loadSettings } from '../../src/config/settings.ts';
import { connect } from '../../src/store/client.ts';
import { createLander } from '../../src/store/land/land.ts';
import { openStore, selectRows } from '../../src/store/query.ts';
import { newEpoch, run } from '../support/batches.ts';
import { clickhouseUrl, migratedDatabase } from '../support/clickhouse.ts';
import { diagnose } from '../support/doctor.ts';
import { startFront } from '../support/front.ts';
import { assertLandedOnce } from '../support/landed_rows.ts';
import { uniqueName } from '../support/temporary.ts';
import { testCertificate, testPem } from '../support/tls.ts';
import { waitsFor } from '../support/waits_for.ts';

const ask = async (t: TestContext, flags: Record<string, string>): Promise<unknown> => {
  const store = openStore(loadSettings(flags, {}));
  t.after(() => store.client.close());
  return selectRows(store, 'SELECT 1 AS one', {});
};

test('a path in the address is kept: ClickHouse below a path of a proxy', async (t) => {
  const front = await startFront(t, clickhouseUrl(), ({ url }, response) => {
    if (url!.startsWith('/clickhouse/')) return url!.slice('/clickhouse'.length);
    response.writeHead(404).end('no such site');
    return null;
  });
  const settings = loadSettings({ clickhouseUrl: `${front.url}/clickhouse/` }, {});
  const { client: admin, database } = await migratedDatabase(t);
  const client = connect(settings);
  t.after(() => client.close());
  const epoch = newEpoch();
  await createLander(client, database, `${uniqueName('topic')}/0`).land(run(epoch, 1, 3));
  await assertLandedOnce(admin, database, epoch, 30);
  assert.deepEqual([...new Set(front.paths)], ['/clickhouse/']);
  await assert.rejects(ask(t, { clickhouseUrl: front.url }), {
    code: 'NOT_CLICKHOUSE',
    message: /is not ClickHouse: it answers 404 Not Found/,
  });
});

test('an own authority and a client certificate: with both files it answers, without them the cure names them', async (t) => {
  const { cert, key } = testCertificate();
  const tls = { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true };
  const front = await startFront(t, clickhouseUrl(), ({ url }) => url!, tls);
  const own = { clickhouseUrl: front.url, clickhouseTlsCaFile: testPem('cert') };
  const client = { clickhouseTlsCertFile: testPem('cert'), clickhouseTlsKeyFile: testPem('key') };
  assert.deepEqual(await ask(t, { ...own, ...client }), [{ one: 1 }]);
  await assert.rejects(ask(t, { clickhouseUrl: front.url }), {
    code: 'CLICKHOUSE_TLS',
    message: /self-signed certificate/,
    cure: /AFTERLOG_CLICKHOUSE_TLS_CA_FILE/,
  });
  await assert.rejects(ask(t, own), {
    code: 'CLICKHOUSE_TLS',
    message: /certificate required/i,
    cure: /AFTERLOG_CLICKHOUSE_TLS_CERT_FILE/,
  });
  const named = front.url.replace('localhost', '127.0.0.1');
  await assert.rejects(ask(t, { ...own, ...client, clickhouseUrl: named }), {
    code: 'CLICKHOUSE_TLS',
    cure: /^Use the name that is in the certificate/,
  });
  const untold = clickhouseUrl().replace('http:', 'https:');
  await assert.rejects(ask(t, { clickhouseUrl: untold }), { code: 'CLICKHOUSE_TLS', cure: /http:\/\// });
  const plain = front.url.replace('https:', 'http:');
  await assert.rejects(ask(t, { clickhouseUrl: plain }), { code: 'CLICKHOUSE_UNREACHABLE' });
});

test('files of certificates that cannot be used are named with their setting', async (t) => {
  for (const [flag, path, why] of [
    ['clickhouseTlsCaFile', '/no/ca.pem', /clickhouse\.tls_ca_file .*cannot be read: ENOENT/],
    ['clickhouseTlsCaFile', testPem('key'), /clickhouse\.tls_ca_file .*holds no certificate/],
  ] as const) {
    await assert.rejects(ask(t, { clickhouseUrl: 'https://localhost:1', [flag]: path }), {
      code: 'SETTING_INVALID',
      message: why,
    });
  }
  assert.throws(() => loadSettings({ clickhouseTlsCertFile: testPem('cert') }, {}), {
    message: /clickhouse\.tls_cert_file .*also needs clickhouse\.tls_key_file/,
  });
});

const others: [string, number, Record<string, string>, string, RegExp, RegExp][] = [
  [
    'a web page',
    200,
    { 'Content-Type': 'text/html; charset=utf-8' },
    '<!doctype html><title>Grafana</title><p>hello',
    /is not ClickHouse: it answers with a web page/,
    /`curl <address>\/ping`/,
  ],
  [
    'a redirect',
    302,
    { Location: 'https://login.example/sso?next=1' },
    '',
    /is not ClickHouse: it redirects \(302 Found\) to https:\/\/login\.example\/sso/,
    /redirects are not followed/,
  ],
  [
    'a proxy that asks for a login',
    407,
    { 'Proxy-Authenticate': 'Basic' },
    '',
    /is not ClickHouse: it asks for a login of its own \(407 Proxy Authentication Required\)/,
    /without a login of its own/,
  ],
  [
    'a page that refuses',
    403,
    { 'Content-Type': 'text/html' },
    '<html><title>Access denied by WAF</title></html>',
    /answers 403 Forbidden, with the page “Access denied by WAF”/,
    /without a login of its own/,
  ],
];

for (const [what, status, headers, body, told, advised] of others) {
  test(`${what} in the place of ClickHouse is named as what it is`, async (t) => {
    const front = await startFront(t, clickhouseUrl(), (_, response) => {
      response.writeHead(status, headers).end(body);
      return null;
    });
    await assert.rejects(
      ask(t, { clickhouseUrl: front.url }),
      (error: Error & { code: string; cure: string }) => {
        assert.equal(error.code, 'NOT_CLICKHOUSE');
        assert.match(error.message, told);
        assert.doesNotMatch(error.message, /@|password/);
        assert.match(error.cure, advised);
        return true;
      },
    );
    const client = connect(loadSettings({ clickhouseUrl: front.url }, {}));
    t.after(() => client.close());
    const lander = createLander(client, 'afterlog', `${uniqueName('topic')}/0`);
    t.after(() => lander.stop());
    lander.land(run(newEpoch(), 1, 1)).catch(() => {});
    await waitsFor(lander, new RegExp(`${told.source}.*NOT_CLICKHOUSE`));
    const found = await diagnose({ AFTERLOG_CLICKHOUSE_URL: front.url, AFTERLOG_DATA_DIR: '/tmp' });
    const { message, cure } = found.one('clickhouse/reach');
    assert.match(message, told);
    assert.match(cure!, /AFTERLOG_CLICKHOUSE_URL/);
  });
}
