import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { root } from './support/imports.ts';

interface Workflow {
  on: Record<string, unknown>;
  permissions: Record<string, string>;
  jobs: Record<string, { 'timeout-minutes': number; steps: { run?: string }[] }>;
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

test('the hosted CI runs .ci/run at each push and pull request, with no more rights than to read', () => {
  const { on, permissions, jobs } = parse(read('.github/workflows/ci.yml')) as Workflow;
  assert.deepEqual(Object.keys(on), ['push', 'pull_request']);
  assert.deepEqual(permissions, { contents: 'read' });
  const [job, ...others] = Object.values(jobs);
  assert.deepEqual(others, []);
  assert.equal(job!['timeout-minutes'], 90);
  const commands = job!.steps.flatMap(({ run }) => run ?? []);
  assert.equal(commands.length, 1);
  assert.match(commands[0]!, /bash \.ci\/run$/);
});

test('.ci/run runs the commands of the README, and the lint and the build', () => {
  const run = read('.ci/run');
  assert.match(read('README.md'), /^npm ci && npm test$/m);
  assert.match(run, /^if npm ci; then\n {2}npm test /m);
  for (const script of ['lint', 'build']) assert.match(run, new RegExp(`^ {2}npm run ${script} `, 'm'));
});

test('.ci/run installs the packages that CONTRIBUTING.md lists', () => {
  const listed = /^apt-get install -y (.+)$/m.exec(read('CONTRIBUTING.md'))![1]!;
  assert.equal(/^packages=\((.+)\)$/m.exec(read('.ci/run'))![1], listed);
});

test('the templates of issues are forms, each field with a name of its own', () => {
  const forms = globSync('.github/ISSUE_TEMPLATE/*.yml', { cwd: root }).filter(
    (path) => !path.endsWith('config.yml'),
  );
  assert.equal(forms.length, 2);
  for (const path of forms) {
    const form = parse(read(path)) as { name: string; description: string; body: { id?: string }[] };
    assert.ok(form.name && form.description, path);
    const ids = form.body.flatMap(({ id }) => id ?? []);
    assert.ok(ids.length > 1 && new Set(ids).size === ids.length, path);
  }
  assert.deepEqual(parse(read('.github/ISSUE_TEMPLATE/config.yml')), { blank_issues_enabled: false });
});
