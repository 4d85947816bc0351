import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSettings } from '../../src/config/settings.ts';
import { connectionOf, kafkaFault } from '../../src/kafka/client.ts';
import { temporaryDir } from '../support/temporary.ts';

const connection = (flags: Record<string, string>) =>
  connectionOf(loadSettings({ kafkaBrokers: 'a:1', ...flags }, {}).kafka);

test('without more than brokers, the connection is plain', () => {
  assert.deepEqual(connection({}), { brokers: ['a:1'], ssl: false });
});

test('TLS trusts what Node.js trusts, or the authorities of a file', async (t) => {
  assert.deepEqual(connection({ kafkaTls: 'true' }).ssl, {});
  const path = join(await temporaryDir(t), 'ca.pem');
  const pem = '-----BEGIN CERTIFICATE-----\nxyz\n-----END CERTIFICATE-----\n';
  writeFileSync(path, pem);
  assert.deepEqual(connection({ kafkaTls: 'true', kafkaTlsCaFile: path }).ssl, { ca: pem });
});

test('a file of authorities that is missing, or holds something else, is named', async (t) => {
  const path = join(await temporaryDir(t), 'ca.pem');
  const make = () => connection({ kafkaTls: 'true', kafkaTlsCaFile: path });
  assert.throws(
    make,
    /kafka\.tls_ca_file \(AFTERLOG_KAFKA_TLS_CA_FILE\) is ".*", which cannot be read: ENOENT/,
  );
  writeFileSync(path, '-----BEGIN PRIVATE KEY-----\n');
  assert.throws(make, /holds no certificate/);
});

test('a login has mechanism, user and password', () => {
  const flags = { kafkaSaslMechanism: 'scram-sha-512', kafkaSaslUsername: 'u', kafkaSaslPassword: 'p' };
  assert.deepEqual(connection(flags).sasl, { mechanism: 'scram-sha-512', username: 'u', password: 'p' });
});

test('brokers that refuse are told from brokers that do not answer', () => {
  const named = (name: string, more: object = {}) => Object.assign(new Error('no'), { name, ...more });
  const protocol = (type: string) => named('KafkaJSProtocolError', { type });
  assert.equal(kafkaFault('x', named('KafkaJSConnectionError')).code, 'KAFKA_UNREACHABLE');
  assert.equal(kafkaFault('x', protocol('REQUEST_TIMED_OUT')).code, 'KAFKA_UNREACHABLE');
  assert.equal(kafkaFault('x', protocol('MESSAGE_TOO_LARGE')).code, 'MESSAGE_TOO_LARGE');
  assert.equal(kafkaFault('x', protocol('UNKNOWN_TOPIC_OR_PARTITION')).code, 'TOPIC_MISSING');
  assert.equal(kafkaFault('x', protocol('TOPIC_AUTHORIZATION_FAILED')).code, 'KAFKA_REFUSED');
  const wrapped = new Error('wrapped', { cause: named('KafkaJSSASLAuthenticationError') });
  assert.equal(kafkaFault('x', wrapped).code, 'KAFKA_REFUSED');
});
