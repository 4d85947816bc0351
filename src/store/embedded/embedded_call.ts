/**
 * The thread of the embedded ClickHouse. The call below is `clickhouse local`: it blocks this thread until
 * its last query has ended. All threads of ClickHouse start from this one, so they are confined as it is.
 */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { DataType, load, open } from 'ffi-rs';
import { UNCONFINED } from './access.ts';
import { confine } from './confine.ts';

const { library, dir, port, options } = workerData as Call;

/** `options` are those of `clickhouse local`. */
export interface Call {
  library: string;
  dir: string;
  port: number;
  options: string[];
}

open({ library: 'chdb', path: library });
// Not by the stream of this thread, which waits for the end of the call.
if (!confine(dir, port)) writeSync(process.stdout.fd, `${UNCONFINED}\n`);
// The called function skips argv[0], the name of a program.
const argv = ['clickhouse', ...options];
load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.I32,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [argv.length, argv],
});
// At once: the library crashes when its thread ends. The call returns a pointer, not an exit code; the parent
// knows whether it asked for the end.
open({ library: 'libc', path: process.platform === 'darwin' ? 'libSystem.dylib' : 'libc.so.6' });
load({
  library: 'libc',
  funcName: '_exit',
  retType: DataType.Void,
  paramsType: [DataType.I32],
  paramsValue: [0],
});
