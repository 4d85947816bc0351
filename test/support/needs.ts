import { type Import, reachOf } from './imports.ts';

/** The modules that ask for a server of the run. */
const SHARED = { kafka: 'test/support/kafka.ts', clickhouse: 'test/support/clickhouse.ts' } as const;

/** The modules that start a server for one test, in its process or by a command. */
const OWN = ['src/kafka/local_kafka.ts', 'src/store/embedded/embedded.ts', 'test/support/demo.ts'];

export interface Needs {
  /** The run's Kafka, and so Java and Maven. */
  kafka: boolean;
  /** The run's ClickHouse. */
  clickhouse: boolean;
  /** A server that a test starts by itself. */
  own: boolean;
  /** The built command. */
  build: boolean;
}

/** The servers that a test file needs: read from its imports, so that no list has to be kept. */
export function needsOf(file: string): Needs {
  const reached = reachOf(file, isLoaded);
  return {
    kafka: reached.has(SHARED.kafka),
    clickhouse: reached.has(SHARED.clickhouse),
    own: OWN.some((module) => reached.has(module)),
    build: reached.has('test/support/released.ts'),
  };
}

export const needsServer = ({ kafka, clickhouse, own }: Needs): boolean => kafka || clickhouse || own;

/** The command line imports each command only when it is called. */
const isLoaded = ({ isDynamic }: Import, from: string): boolean => !(isDynamic && from.startsWith('src/'));
