import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { PinPace } from '../../src/tail/pin_pace.ts';

test('a name that shows new files without end waits for the next second, and others do not', (t) => {
  let now_ms = 1_000;
  t.mock.method(performance, 'now', () => now_ms);
  const pace = new PinPace();
  for (let file = 0; file < limits.tail.pins_per_name_per_s; file++) pace.take('vms/sb/console.log');
  assert.throws(() => pace.take('vms/sb/console.log'), {
    syscall: 'link',
    message: /in a second: the rest waits/,
  });
  pace.take('vms/other/console.log');
  now_ms += 1_000;
  pace.take('vms/sb/console.log');
});
