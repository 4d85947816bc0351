import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import type { AfterlogError } from '../../src/base/errors.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { createKafka, kafkaFault } from '../../src/kafka/client.ts';
import { startLocalKafka } from '../../src/kafka/local_kafka.ts';
import { until } from '../support/patience.ts';
import { temporaryDir } from '../support/temporary.ts';

/** A key and a certificate for 127.0.0.1, signed by itself. */
function makeCertificate(dir: string): { certificate: string; pem: string } {
  const [key, certificate, pem] = ['key.pem', 'certificate.pem', 'both.pem'].map((name) => join(dir, name));
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const paths = ['-keyout', key!, '-out', certificate!];
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject, ...paths];
  execFileSync('openssl', args, { stdio: 'pipe' });
  writeFileSync(pem!, readFileSync(key!, 'utf8') + readFileSync(certificate!, 'utf8'));
  return { certificate: certificate!, pem: pem! };
}

/** A real broker whose second listener wants TLS and a login. */
async function secureKafka(t: TestContext) {
  const dir = await temporaryDir(t);
  const { certificate, pem } = makeCertificate(dir);
  const address = `127.0.0.1:${await freePort()}`;
  const kafka = await startLocalKafka({
    dir: join(dir, 'kafka'),
    listener: {
      address: `SECURE://${address}`,
      properties: `listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_agent="right";
ssl.keystore.type=PEM
ssl.keystore.location=${pem}`,
    },
  });
  t.after(() => kafka.stop());
  return { address, certificate };
}

test('a broker that wants TLS and a login gets both; what is wrong with them is told apart', async (t) => {
  const { address, certificate } = await secureKafka(t);
  const right = {
    kafkaBrokers: address,
    kafkaTls: 'true',
    kafkaTlsCaFile: certificate,
    kafkaSaslMechanism: 'plain',
    kafkaSaslUsername: 'agent',
    kafkaSaslPassword: 'right',
  };
  /** The fault of one connection that was not too slow for a busy machine, or null. */
  const faultWith = async (flags: Record<string, string>): Promise<AfterlogError | null> => {
    let fault: AfterlogError | null = null;
    await until(async () => {
      fault = await connectWith(flags);
      return !/timeout/i.test((fault as AfterlogError | null)?.message ?? '');
    });
    return fault;
  };
  const connectWith = async (flags: Record<string, string>): Promise<AfterlogError | null> => {
    const admin = createKafka(loadSettings(flags, {})).admin({ retry: { retries: 0 } });
    try {
      await admin.connect();
      await admin.listTopics();
      return null;
    } catch (error) {
      return kafkaFault('No Kafka', error);
    } finally {
      await admin.disconnect();
    }
  };
  assert.equal(await faultWith(right), null);
  const { kafkaTlsCaFile: _file, ...without } = right;
  const cases: [Record<string, string>, string, RegExp][] = [
    [{ ...right, kafkaSaslPassword: 'wrong' }, 'KAFKA_REFUSED', /Invalid username or password/],
    [
      { ...right, kafkaSaslMechanism: 'scram-sha-256' },
      'KAFKA_REFUSED',
      /does not support the requested SASL mechanism/,
    ],
    [without, 'KAFKA_UNREACHABLE', /self-signed certificate/],
  ];
  for (const [flags, code, message] of cases) {
    const fault = await faultWith(flags);
    assert.equal(fault?.code ?? null, code);
    assert.match(fault!.message, message);
  }
});
