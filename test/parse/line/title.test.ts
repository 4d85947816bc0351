import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stable } from '../../../src/parse/line/title.ts';

describe('a title leaves out what differs from run to run', () => {
  const cases: [string, string][] = [
    ["KeyError: 'orders_646'", "KeyError: 'orders_NUM'"],
    ["KeyError: 'user_7'", "KeyError: 'user_NUM'"],
    ["KeyError: 'user_7f3a9c21'", "KeyError: 'user_ADDR'"],
    ['order ord_V1StGXR8Z5jdHi6B not found', 'order ord_ID not found'],
    ['job 01ARZ3NDEKTSV4RRFFQ69G5FAV not found', 'job ID not found'],
    ['event1732464001 is unknown', 'eventNUM is unknown'],
    ['session 3f2504e0-4f89-11d3-9a0c-0305e82c3301 expired', 'session UUID expired'],
    ['no pod api-7d9f8b6c5-x2x4z at 10.1.2.3:8080', 'no pod api-ADDR-ID at IP:NUM'],
    ['2026-11-24T16:00:01 is late by 1h30m15s', 'NUM-NUM-NUMTNUM:NUM:NUM is late by NUMhNUMmNUMs'],
    ["No such file: '/tmp/tmpk3j2h1_x/out.json'", "No such file: '/tmp/ID/out.json'"],
    ['No such file: /tmp/tmp.Xk3jQhWaBc/out.json', 'No such file: /tmp/tmp.ID/out.json'],
    [
      'Not Found for url: https://api.example.com/v1/orders/646?token=abcDEF&page=1',
      'Not Found for url: https://api.example.com/v1/orders/NUM?QUERY',
    ],
    ["cannot open '/jobs/55?since=yesterday' now", "cannot open '/jobs/NUM?QUERY' now"],
    ['user bob.smith+x@example.co.uk is locked', 'user EMAIL is locked'],
  ];
  for (const [text, title] of cases) test(text, () => assert.equal(stable(text), title));
});

describe('a title keeps what matters', () => {
  for (const text of [
    "KeyError: 'DATABASE_URL'",
    "No module named 'boto3'",
    'libGL.so.1: cannot open shared object file',
    "No such file: '/srv/app/missing.yaml'",
    '/tmp/app.sock: connection refused',
    '/tmp/tmpfs_mount is busy',
    "cannot run x86_64 on 'x86_64', or utf8, base64, int32, sha256 and HTTP2",
    'expected ERR_HTTP2_STREAM to be HTTP_404',
    'violates unique constraint "users_email_key"',
    'is it up? no=maybe',
    'cannot resolve express@latest and @scope/name.js',
    'Failed to start getty@tty.service',
    'postgres://app:secret@db.internal/x is down',
    'Attempted to kill init! exitcode=0x00007f00',
  ])
    test(text, () => assert.equal(stable(text), text));
});

test('a long text of nothing but what is replaced does not overflow', () => {
  for (const word of ['1 ', 'a@b.cd ', '/?a=b ', "'a_1' ", 'x2x4z ', '1h2m3s4 ', '_1234'])
    assert.ok(stable(word.repeat(2_000)).length <= 512, word);
});
