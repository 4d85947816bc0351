/**
 * The process that is the embedded ClickHouse: `node embedded_child.ts <libchdb.so> <clickhouse local
 * option…>`.
 *
 * The call below is `clickhouse local`. It blocks this thread while its last query runs, and that query
 * counts the lines of stdin. So the server ends in order when stdin closes; when the parent dies, whatever
 * killed it, the kernel closes it.
 */
import { DataType, load, open } from 'ffi-rs';

// The parent ends this process. A Ctrl-C in the terminal, or a signal of a service manager to the whole
// group, must not end the store before the roles that still write to it. With a handler the signal does
// nothing; the handler itself never runs, because the thread is blocked.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const [library, ...options] = process.argv.slice(2);
open({ library: 'chdb', path: library! });
// The called function skips argv[0], the name of a program.
const argv = ['clickhouse', ...options];
load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.I32,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [argv.length, argv],
});
// The call returns a pointer, not an exit code. The parent knows whether it asked for the end.
process.exit(0);
