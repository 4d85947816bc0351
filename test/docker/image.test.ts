import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { clickhouseUrl, migratedDatabase } from '../support/clickhouse.ts';
import { startAfterlog } from '../support/command.ts';
import { until } from '../support/patience.ts';
import { sha256 } from '../support/sha256.ts';
import { temporaryDir } from '../support/temporary.ts';

const root = resolve(import.meta.dirname, '../..');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const healthcheck = join(root, 'docker/healthcheck.js');

test('the image has the Node.js that the project is pinned to', () => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const images = [...dockerfile.matchAll(/^FROM node:([\d.]+)-/gm)].map(([, version]) => version);
  assert.deepEqual(images, [devDependencies.node, devDependencies.node]);
});

test('the image has prebuilt packages for its own libc', () => {
  const [build, image] = [...dockerfile.matchAll(/^FROM node:[\d.]+-(\w+)/gm)].map(([, system]) => system);
  assert.deepEqual([build, image], ['alpine', 'trixie']);
  const installs = [...dockerfile.matchAll(/npm (?:ci|install|prune) .*/g)].map(([line]) => line);
  assert.match(installs.at(-1)!, /^npm ci --omit=dev --libc=glibc --ignore-scripts /);
});

test('what the image is built from is let through, and is there', () => {
  const [first, ...lines] = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(first, '*');
  const letThrough = lines.map((line) => line.replace(/^!/, ''));
  for (const path of letThrough) assert.ok(existsSync(join(root, path)), path);
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
  const needed = [...files.filter((path) => path !== 'dist'), 'src', 'docker'];
  for (const path of [...needed, 'package.json', 'package-lock.json', 'tsconfig.build.json']) {
    assert.ok(letThrough.includes(path), path);
  }
});

test('a role with a token listens on all addresses of its container, and one without only inside', async (t) => {
  const dir = await temporaryDir(t);
  writeFileSync(join(dir, 'afterlog'), '#!/bin/sh\nenv; echo "asked: $*"\n', { mode: 0o755 });
  const settingsWith = (env: Record<string, string>): string[] => {
    const ran = spawnSync(join(root, 'docker/entrypoint.sh'), ['agent', 'a b'], {
      env: { PATH: `${dir}:${process.env.PATH}`, ...env },
      encoding: 'utf8',
    });
    const lines = ran.stdout.split('\n');
    assert.ok(lines.includes('asked: agent a b'), ran.stderr);
    return lines.filter((line) => /^AFTERLOG_\w*LISTEN=/.test(line)).toSorted();
  };
  assert.match(dockerfile, /^ENTRYPOINT \["\/opt\/afterlog\/docker\/entrypoint\.sh"\]$/m);
  assert.doesNotMatch(dockerfile, /LISTEN=/);
  assert.deepEqual(settingsWith({}), []);
  const roles = ['AFTERLOG_AGENT_LISTEN=0.0.0.0:8601', 'AFTERLOG_CONSUMER_LISTEN=0.0.0.0:8602'];
  for (const token of ['AFTERLOG_AGENT_TOKEN', 'AFTERLOG_AGENT_TOKEN_FILE']) {
    assert.deepEqual(settingsWith({ [token]: 'x' }), roles);
  }
  for (const tokens of ['AFTERLOG_TOKENS', 'AFTERLOG_TOKENS_FILE']) {
    assert.deepEqual(settingsWith({ [tokens]: 'x' }), ['AFTERLOG_LISTEN=0.0.0.0:8600']);
  }
  assert.deepEqual(settingsWith({ AFTERLOG_TOKENS: 'x', AFTERLOG_LISTEN: '[::1]:9' }), [
    'AFTERLOG_LISTEN=[::1]:9',
  ]);
});

/** With addresses as the image sets them for roles with tokens, on ports that are free here. */
async function addresses(): Promise<Record<string, string>> {
  const [server, agent, consumer] = [await freePort(), await freePort(), await freePort()];
  return {
    AFTERLOG_LISTEN: `0.0.0.0:${server}`,
    AFTERLOG_AGENT_LISTEN: `0.0.0.0:${agent}`,
    AFTERLOG_CONSUMER_LISTEN: `0.0.0.0:${consumer}`,
    AFTERLOG_TOKENS: sha256('key'),
    AFTERLOG_AGENT_TOKEN: 'a-token-of-the-agents',
  };
}
const check = (env: Record<string, string>) =>
  spawnSync(process.execPath, [healthcheck], { env: { ...process.env, ...env }, encoding: 'utf8' });

test('a container is healthy while its role answers, and a server only while it can read', async (t) => {
  const { database } = await migratedDatabase(t);
  const data_dir = await temporaryDir(t);
  const store = { AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(), AFTERLOG_CLICKHOUSE_DATABASE: database };
  const agent = { ...(await addresses()), ...store, AFTERLOG_DATA_DIR: data_dir };
  const server = { ...(await addresses()), ...store };
  const blind = { ...(await addresses()), ...store, AFTERLOG_CLICKHOUSE_DATABASE: 'nowhere' };
  for (const [role, env, status] of [
    ['agent', agent, 0],
    ['server', server, 0],
    ['server', blind, 1],
  ] as const) {
    assert.equal(check(env).status, 1, `${role} before its start`);
    const running = startAfterlog([role], env);
    t.after(() => running.child.kill('SIGKILL'));
    await running.said(/"role":"\w+"/);
    // As often as a container is asked: on a slow machine an answer may take longer than one check waits.
    let found = check(env);
    await until(
      () => {
        found = check(env);
        return found.status === status && (status === 0 || /readyz: 503 .*not ready/.test(found.stderr));
      },
      () => `${role}: ${found.status} ${found.stderr}`,
    );
    running.child.kill('SIGTERM');
    await running.exited;
    assert.match(check(env).stderr, /healthz: ECONNREFUSED/);
  }
});
