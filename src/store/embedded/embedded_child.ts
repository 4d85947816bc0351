/**
 * The process that is the embedded ClickHouse: `node embedded_child.ts <libchdb.so> <clickhouse local option…>`.
 *
 * The call below is `clickhouse local`; it blocks this thread for as long as its last query runs, and that
 * query counts the lines of stdin. So the server ends in order when stdin closes, which the kernel does for us
 * when the parent dies, whatever killed it.
 */
import { DataType, load, open } from 'ffi-rs';

// The parent ends this process. A Ctrl-C in the terminal, or a service manager that signals the whole group,
// must not end the store before those who still write to it. With a handler set the signal is only noted; it
// never runs, for the thread is blocked.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const [library, ...options] = process.argv.slice(2);
open({ library: 'chdb', path: library! });
// argv[0] is skipped by the callee, as a program's own name.
const argv = ['clickhouse', ...options];
load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.I32,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [argv.length, argv],
});
// What the call returns is a pointer, not an exit code. The parent knows whether it asked for the end.
process.exit(0);
