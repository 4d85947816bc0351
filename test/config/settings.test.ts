import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { AfterlogError } from '../../src/base/errors.ts';
import { loadSettings, readSettings, splitAddress } from '../../src/config/settings.ts';
import { sha256 } from '../support/sha256.ts';

/** Every line that loadSettings complains with. */
function complaints(flags: Record<string, unknown>, environment: Record<string, string> = {}): string[] {
  try {
    loadSettings(flags, environment);
  } catch (error) {
    assert.ok(error instanceof AfterlogError);
    assert.match(error.code, /^SETTING_/);
    return error.message.split('\n');
  }
  return [];
}

test('flags win over the environment, an empty variable is one that is not set, an empty flag is a value', () => {
  const environment = {
    AFTERLOG_KAFKA_TOPIC: 'from-env',
    AFTERLOG_HOST: '',
    AFTERLOG_KAFKA_BROKERS: 'a:1, b:2,',
  };
  const { settings, origins } = readSettings({ kafkaTopic: 'from-flag', json: true }, environment);
  assert.equal(settings.kafka.topic, 'from-flag');
  assert.deepEqual(settings.kafka.brokers, ['a:1', 'b:2']);
  assert.equal(settings.host, hostname());
  assert.deepEqual(
    ['kafka.topic', 'kafka.brokers', 'host'].map((name) => origins.get(name)?.where),
    ['--kafka-topic', 'AFTERLOG_KAFKA_BROKERS', undefined],
  );
  assert.deepEqual(loadSettings({ kafkaBrokers: '' }, environment).kafka.brokers, []);
});

test('what is redacted is named, patterns are lines and are tried at start', () => {
  const settings = loadSettings(
    {},
    { AFTERLOG_REDACT: 'aws, jwt', AFTERLOG_REDACT_PATTERNS: 'a{2,4}x\n b|c ' },
  );
  assert.deepEqual(settings.redact, ['aws', 'jwt']);
  assert.deepEqual(settings.redact_patterns, ['a{2,4}x', 'b|c']);
  assert.deepEqual(loadSettings({}, {}).redact, []);
  assert.match(
    complaints({ redact: 'all,wine' })[0]!,
    /^Setting redact \(--redact\) has "wine"; allowed: all, or some of aws, gcp/,
  );
  assert.match(
    complaints({}, { AFTERLOG_REDACT_PATTERNS: 'fine\na(?=b)' })[0]!,
    /^Setting redact_patterns \(AFTERLOG_REDACT_PATTERNS\) has "a\(\?=b\)", which has a lookahead or lookbehind; allowed: at most/,
  );
  assert.match(
    complaints({ redactPatterns: '[' })[0]!,
    /has "\[", which is not a valid regular expression; allowed/,
  );
  assert.match(
    complaints({ redactPatterns: 'a\n'.repeat(101) })[0]!,
    /^Setting redact_patterns \(--redact-patterns\) has 101 values; allowed: at most 100 regular/,
  );
});

test('what depends on another setting follows it', () => {
  const settings = loadSettings({ dataDir: '/srv/x', kafkaTopic: 't' }, {});
  assert.equal(settings.state_dir, '/srv/x/.afterlog');
  assert.equal(settings.kafka.group, 'afterlog-t');
});

test('a wrong value is named with its path, where it was set, what was found, and what is allowed', () => {
  const cases: [string, string, RegExp][] = [
    [
      'kafkaBrokers',
      'broker-1',
      /^Setting kafka\.brokers \(--kafka-brokers\) has "broker-1"; allowed: host:port/,
    ],
    ['kafkaBrokers', 'a:9092,b:0', /has "b:0"; allowed/],
    ['kafkaBrokers', 'a:9092,b:65536', /has "b:65536"; allowed/],
    ['kafkaBrokers', '[::1]:9092', /IPv4/],
    ['kafkaBrokers', 'kafka://a:9092', /has "kafka:\/\/a:9092"/],
    ['kafkaTopic', 'my topic', /is "my topic"; allowed: 1 to 245 letters/],
    ['kafkaTopic', 'ä', /allowed: 1 to 245 letters/],
    ['kafkaTopic', '..', /is "\.\."/],
    ['kafkaTopic', 'x'.repeat(246), /^.{100,300}$/],
    ['kafkaTopic', '', /is ""/],
    ['host', 'a/b', /without slash or space/],
    ['runtimeUrl', 'localhost:1', /is "localhost:1"; allowed: an http/],
    ['layout', 'vms/{sandbox}', /template/],
    ['dataDir', '/srv\n', /is "\/srv\\n"/],
    ['clickhouseDatabase', '1x', /no digit first/],
    ['kafkaSaslMechanism', 'gssapi', /is "gssapi"; allowed: plain, scram-sha-256 or scram-sha-512/],
    ['kafkaTls', 'yes', /is "yes"; allowed: true or false/],
    ['logLevel', 'loud', /is "loud"; allowed: fatal, .* or silent/],
    ['listen', '8600', /is "8600"; allowed: host:port/],
    ['listen', 'a b:1', /host:port/],
  ];
  for (const [flag, value, pattern] of cases) {
    const found = complaints({ [flag]: value }).filter((line) => !line.includes('needs'));
    assert.equal(found.length, 1, `${flag} ${value}: ${found}`);
    assert.match(found[0]!, pattern);
  }
});

test('all that is wrong is said at once', () => {
  const found = complaints(
    { listen: 'x', kafkaBrokers: 'a,b' },
    { AFTERLOG_HOST: 'a b', AFTERLOG_KAFKA_TOPC: 'x' },
  );
  assert.deepEqual(
    found.map((line) => /kafka\.brokers|KAFKA_TOPC|host|listen/.exec(line)![0]),
    ['KAFKA_TOPC', 'host', 'kafka.brokers', 'kafka.brokers', 'listen'],
  );
});

test('a variable that is no setting is named with the one that was probably meant', () => {
  const cases: [string, RegExp][] = [
    ['AFTERLOG_KAFKA_BROKER', /Did you mean AFTERLOG_KAFKA_BROKERS\?/],
    ['AFTERLOG_BROKERS', /Did you mean AFTERLOG_KAFKA_BROKERS\?/],
    ['AFTERLOG_DATADIR', /Did you mean AFTERLOG_DATA_DIR\?/],
    ['AFTERLOG_CLICKHOUSE_PASWORD_FILE', /Did you mean AFTERLOG_CLICKHOUSE_PASSWORD_FILE\?/],
    ['AFTERLOG_SOMETHING_ELSE_ENTIRELY', /afterlog --help/],
  ];
  for (const [name, pattern] of cases) {
    const [line] = complaints({}, { [name]: 'hunter2' });
    assert.match(line!, pattern);
    assert.doesNotMatch(line!, /hunter2/);
  }
});

test('variables that Kubernetes makes for a service called afterlog are passed over', () => {
  assert.deepEqual(
    complaints(
      {},
      {
        AFTERLOG_SERVICE_HOST: '10.0.0.1',
        AFTERLOG_SERVICE_PORT: '8600',
        AFTERLOG_SERVICE_PORT_HTTP: '8600',
        AFTERLOG_PORT: 'tcp://10.0.0.1:8600',
        AFTERLOG_PORT_8600_TCP_ADDR: '10.0.0.1',
        AFTERLOG_SERVER_PORT: 'tcp://10.0.0.1:8600',
      },
    ),
    [],
  );
  assert.equal(complaints({}, { AFTERLOG_PORT: '8600' }).length, 1);
});

test('no secret is in a message', () => {
  const lines = complaints(
    {
      clickhousePassword: 'hunter2\n',
      kafkaSaslPassword: 'hunter2\n',
      tokens: `hunter2,${sha256('hunter2')}`,
      kafkaSaslUsername: 'u',
      kafkaSaslMechanism: 'plain',
    },
    {},
  );
  assert.equal(lines.length, 3);
  for (const line of lines) {
    assert.match(line, /has a value that is not shown|is a value that is not shown/);
  }
  for (const url of [
    'ftp://user:hunter2@host',
    'http://user:hunter2@host:99999',
    'user:hunter2@host:8123',
    `ftp://user:hunter2${'x'.repeat(200)}@host`,
    'ftp://host/?password=hunter2',
  ]) {
    assert.doesNotMatch(complaints({ clickhouseUrl: url }).join(), /hunter2/, url);
    assert.doesNotMatch(complaints({ kafkaBrokers: url }).join(), /hunter2/, url);
  }
});

test('settings of the Kafka connection that need each other are named', () => {
  const cases: [Record<string, string>, RegExp[]][] = [
    [
      { kafkaTlsCaFile: '/ca.pem' },
      [/tls_ca_file \(--kafka-tls-ca-file\) also needs kafka\.tls: true \(AFTERLOG_KAFKA_TLS/],
    ],
    [{ kafkaTlsCaFile: '/ca.pem', kafkaTls: 'true' }, []],
    [{ kafkaSaslMechanism: 'plain' }, [/needs kafka\.sasl_username/, /needs kafka\.sasl_password/]],
    [{ kafkaSaslUsername: 'u', kafkaSaslPassword: 'p' }, [/needs kafka\.sasl_mechanism/]],
    [{ kafkaSaslMechanism: 'scram-sha-256', kafkaSaslUsername: 'u', kafkaSaslPassword: 'p' }, []],
  ];
  for (const [flags, patterns] of cases) {
    const found = complaints(flags);
    assert.equal(found.length, patterns.length, found.join());
    for (const [index, pattern] of patterns.entries()) assert.match(found[index]!, pattern);
  }
});

test('a token is its hash, with a workspace, scopes and a name if need be', () => {
  const hash = sha256('x');
  for (const tokens of [
    hash,
    `${hash}:team-a`,
    `${hash}::read+erase`,
    `${hash}:team-a:read:alice`,
    `${hash}:::bob@ops-1.example`,
    `${hash.toUpperCase()}:w:read,${hash}`,
  ]) {
    assert.deepEqual(complaints({ tokens }), [], tokens);
  }
  for (const tokens of ['x', hash.slice(1), `${hash}:a:b:c:d`, `${hash}:a:b:c d`, `${hash}:a:read erase`]) {
    assert.equal(complaints({ tokens }).length, 1, tokens);
  }
});

test('an address with brackets is split without them', () => {
  assert.deepEqual(splitAddress('[::1]:8600'), { host: '::1', port: 8600 });
});
