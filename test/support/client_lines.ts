/** Lines that a client of the runtime must return unchanged, however it handles plain text. */
export const clientLines = [
  '[    0.000000] Linux version 6.1.0',
  '',
  '42',
  '-1.5e3',
  'true',
  '"quoted"',
  '[1, 2]',
  'NaN',
  '{"level":"info","msg":"started"}',
  '{"line":"not this one"}',
  '{"error":"nor this"}',
  'downloading 10%\rdownloading 100%',
  '  File "app.py", line 3, in <module>',
  'ünïcode ✓ \u2028 and more',
  'event: end',
  'data: x',
];
