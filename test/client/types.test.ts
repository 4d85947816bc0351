import { test } from 'node:test';
import type { z } from 'zod';
import type * as client from '../../src/client/types.ts';
import type * as shapes from '../../src/serve/http/shapes.ts';
import type { logsQuery } from '../../src/serve/routes/logs_query.ts';
import type { Erased } from '../../src/store/care/erase.ts';
import type * as boots from '../../src/store/read/boots.ts';
import type * as crashes from '../../src/store/read/crashes.ts';
import type { severities } from '../../src/store/read/line_filter.ts';
import type { StoredSandbox } from '../../src/store/read/sandboxes.ts';
import type { Seal } from '../../src/store/record.ts';
import type { logNames } from '../../src/wire/log_names.ts';

/*
 * The client is built alone and without dependencies, so it has types of its own for the server's answers. `tsc`
 * refuses this file when one of them differs from the schema of its route; at run time nothing here can fail.
 */

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for two types that are the same. */
function same<A, B>(..._: Equal<A, B> extends true ? [] : ['these types differ']): void {}

type Answer<Name extends keyof typeof shapes> = (typeof shapes)[Name] extends z.ZodType
  ? z.output<(typeof shapes)[Name]>
  : never;
type Next = string | null;

test('the client’s types are the answers that the server’s schemas describe', () => {
  same<client.LogLine, Answer<'lineShape'>>();
  same<client.LogGap, Answer<'gapShape'>>();
  same<client.LogNuls, Answer<'nulsShape'>>();
  same<client.LogSeal, Answer<'sealShape'>>();
  same<client.LogRecord, Answer<'recordShape'>>();
  same<Pick<client.LogEnd, keyof Seal>, Pick<Seal, keyof Seal>>();
  same<keyof client.LogEnd, keyof Seal | 'record' | 'id'>();
  same<client.Sandbox, Answer<'sandboxShape'>>();
  same<{ sandboxes: client.Sandbox[]; next: Next }, Answer<'sandboxesAnswer'>>();
  same<client.Boot, Answer<'bootShape'>>();
  same<{ boots: client.Boot[]; summary: Answer<'bootSummaryShape'>; next: Next }, Answer<'bootsAnswer'>>();
  same<client.Crash, Answer<'crashShape'>>();
  same<{ crashes: client.Crash[]; next: Next }, Answer<'crashesAnswer'>>();
  same<client.Cause, Answer<'causeShape'>>();
  same<{ causes: client.Cause[] }, Answer<'causesAnswer'>>();
  same<client.Match, Answer<'matchShape'>>();
  same<{ matches: client.Match[]; next: Next }, Answer<'searchAnswer'>>();
  same<client.Bucket, Answer<'bucketShape'>>();
  same<{ buckets: client.Bucket[] }, Answer<'histogramAnswer'>>();
  same<client.Erasure, Answer<'erasureShape'>>();
});

test('so are the parameters of logs, by name', () => {
  type Query = z.output<typeof logsQuery>;
  same<client.LogName, (typeof logNames)[number]>();
  same<client.Severity, (typeof severities)[number]>();
  // The client itself sets `follow` and `format`; `stream` is there for the runtime's own clients.
  same<Exclude<keyof client.LogsOptions, 'signal'>, Exclude<keyof Query, 'follow' | 'format' | 'stream'>>();
});

test('rows of the store that are answered as they are have the shapes of the schemas', () => {
  same<StoredSandbox, Answer<'sandboxShape'>>();
  same<boots.Boot, Answer<'bootShape'>>();
  same<boots.BootSummary, Answer<'bootSummaryShape'>>();
  same<crashes.Crash, Answer<'crashShape'>>();
  same<crashes.Cause, Answer<'causeShape'>>();
  same<Erased, Omit<Answer<'erasureShape'>, 'alive'>>();
});
