import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../src/demo/random.ts';
import { drawPlan, type Plan, play, type Step } from '../../src/demo/scenarios.ts';

/** All steps of a sandbox, on a clock that only its waits move. */
function steps(plan: Plan, seed: number): Step[] {
  let now_ms = Date.parse('2026-06-01T15:30:00Z');
  const taken: Step[] = [];
  for (const step of play(plan, createRandom(seed), () => now_ms)) {
    if (step.do === 'wait') now_ms += step.ms;
    taken.push(step);
  }
  return taken;
}

function plans(seed: number, count: number): Plan[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => drawPlan(random.fork(), 50));
}

function consoleText(taken: Step[]): string {
  return Buffer.concat(taken.map((step) => (step.do === 'console' ? step.bytes : Buffer.alloc(0)))).toString(
    'latin1',
  );
}

test('the same seed gives the same sandboxes, byte for byte', () => {
  assert.deepEqual(plans(5, 40), plans(5, 40));
  for (const plan of plans(5, 12)) assert.deepEqual(steps(plan, 1), steps(plan, 1));
  assert.notDeepEqual(plans(5, 5), plans(6, 5));
});

test('every scenario is drawn, plays to its end, and no pause is long', () => {
  const drawn = plans(1, 600);
  const scenarios = new Map(drawn.map((plan) => [plan.scenario, plan]));
  assert.equal(scenarios.size, 19);
  for (const plan of scenarios.values()) {
    const taken = steps(plan, 2);
    assert.ok(consoleText(taken).length > 100, plan.scenario);
    for (const step of taken) if (step.do === 'wait') assert.ok(step.ms <= 5_000, plan.scenario);
  }
});

test('a replayed boot carries the sandbox’s own id and the present date', () => {
  const plan = { ...plans(1, 1)[0]!, scenario: 'crash-loop-python' };
  const text = consoleText(steps(plan, 3));
  assert.deepEqual(new Set(text.match(/sb-[0-9a-f]{12}/g)), new Set([plan.id]));
  assert.deepEqual(new Set(text.match(/\d{4}-\d\d-\d\d(?=T)/g)), new Set(['2026-06-01']));
  assert.match(text, /setting system clock|Run \/init/);
  assert.match(text, /FileNotFoundError: \[Errno 2\]/);
});

test('nothing is written to the console for a second before bytes are truncated away', () => {
  let truncations = 0;
  for (const plan of plans(9, 80)) {
    let silence_ms = 0;
    for (const step of steps(plan, 4)) {
      if (step.do === 'wait') silence_ms += step.ms;
      if (step.do === 'console') silence_ms = 0;
      if (step.do !== 'wake' && step.do !== 'copy_truncate') continue;
      truncations++;
      assert.ok(silence_ms >= 1_000, `${plan.id} ${step.do} after ${silence_ms} ms`);
    }
  }
  assert.ok(truncations > 5);
});

test('a guest that dies is reported once, after its last words', () => {
  const plan = { ...plans(1, 1)[0]!, scenario: 'panic1-reboot' };
  const taken = steps(plan, 5);
  const died = taken.findIndex((step) => step.do === 'event' && step.type === 'vm.died');
  assert.equal(taken.filter((step) => step.do === 'failed').length, 1);
  assert.ok(died > 0 && taken.slice(died).every((step) => step.do !== 'console'));
  assert.match(consoleText(taken), /Kernel panic - not syncing/);
});
