import { z } from 'zod';
import { readyDefaults } from '../parse/mark/ready.ts';
import { builtInKinds, type Kind } from '../redact/kinds.ts';
import { patternFault } from '../redact/pattern_check.ts';

/** What people read about a setting. */
export interface About {
  description: string;
  /** In words, for messages: `Setting x (where) is "value"; allowed: …` */
  allowed: string;
  /** In words, where the default depends on the machine or on another setting. */
  usual?: string;
  /** Its value is shown nowhere. */
  secret?: true;
  /** A list whose items may hold commas: in the environment and as a flag they are lines. */
  isByLine?: true;
}

/** Descriptions of the schema's fields; `z.toJSONSchema` reads them too. */
export const about = z.registry<About>();

/** As a pattern that validators of JSON Schema in any language take. */
const controls = '\\u0000-\\u001f\\u007f';
/** A trailing line break, as a file or a badly made container secret brings it, would else be part of the value. */
const anyText = z.string().regex(new RegExp(`^[^${controls}]*$`));
const text = z.string().regex(new RegExp(`^[^${controls}]+$`));
const TEXT = 'text without line breaks and control characters';
const PATH = 'a path';

const address = z.string().refine(isAddress);
const ADDRESS = 'host:port with a port from 0 to 65535, for example 127.0.0.1:8600';
const httpUrl = text.refine(isHttpUrl);
const HTTP_URL = 'an http:// or https:// URL, for example http://127.0.0.1:8123';
/** kafkajs takes no IPv6 address: it splits at the first colon. */
const broker = z
  .string()
  .regex(/^[\w.-]+:\d{1,5}$/)
  .refine((found) => isPort(found.slice(found.indexOf(':') + 1), 1));
const token = z.string().regex(/^[0-9a-fA-F]{64}(:[^:\s]*(:[\w+-]*)?)?$/);

/**
 * All settings. A path here is the setting's name everywhere: `kafka.brokers` in afterlog.yaml,
 * AFTERLOG_KAFKA_BROKERS in the environment, --kafka-brokers as a flag. Types are string, boolean, and lists of
 * strings; whatever the source, a value is text as it was written until it comes here.
 */
export const settingsSchema = z.strictObject({
  data_dir: text.default('/var/lib/pandastack').register(about, {
    description: 'The runtime’s folder that holds the sandboxes; pins are kept in .afterlog/pins in it',
    allowed: PATH,
  }),
  state_dir: text.optional().register(about, {
    description: 'Spool and own state, on a disk that keeps its promises',
    allowed: PATH,
    usual: '<data_dir>/.afterlog',
  }),
  host: z
    .string()
    .regex(new RegExp(`^[^/\\s${controls}]{1,200}$`))
    .optional()
    .register(about, {
      description: 'Name of this host in every row; must differ between hosts and stay the same',
      allowed: 'a name of at most 200 characters, without slash or space',
      usual: 'the host’s name',
    }),
  layout: z
    .string()
    .regex(new RegExp(`^[^{}${controls}]*\\{sandbox\\}(/[^{}${controls}]*)?/\\{log\\}$`))
    .default('vms/{sandbox}/{log}')
    .register(about, {
      description: 'Where a sandbox’s logs lie, relative to data_dir',
      allowed: 'a path template such as vms/{sandbox}/{log}',
    }),
  runtime_url: httpUrl.optional().register(about, {
    description: 'The runtime’s agent on this host, to be asked for workspace and template of sandboxes',
    allowed: HTTP_URL,
    usual: 'nobody is asked; a sandbox’s folder may hold sandbox.json',
  }),
  runtime_token: text.optional().register(about, {
    description: 'Bearer token for the runtime’s agent',
    allowed: TEXT,
    secret: true,
  }),
  redact: z
    .array(z.enum(['all', ...builtInKinds]))
    .default([])
    .register(about, {
      description: 'Secrets that the agent fills with `*` before a line leaves the host',
      allowed: `all, or some of ${builtInKinds.join(', ')} with commas`,
      usual: 'nothing is redacted',
    }),
  redact_patterns: z
    .array(text.refine((pattern) => patternFault(pattern) === null))
    .default([])
    .register(about, {
      description:
        'Regular expressions of what else is filled with `*`, one a line; each is matched within a line',
      allowed:
        'regular expressions of ASCII without looking ahead, behind or back, none that matches an empty text, and none ' +
        'in which a text can be matched in several ways, as by (a+)+ or .*=.*, for that may take for ever',
      isByLine: true,
    }),
  kafka: z
    .strictObject({
      brokers: z.array(broker).default([]).register(about, {
        description: 'Some of the cluster’s brokers; with none the agent writes to ClickHouse itself',
        allowed: 'host:port of a broker, or several with commas; the host as a name or an IPv4 address',
      }),
      topic: z
        .string()
        .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,245}$/)
        .default('sandbox-logs')
        .register(about, {
          description: 'Topic of the batches; what cannot land goes to <topic>-dlq',
          allowed: '1 to 245 letters, digits, dots, underscores and dashes',
        }),
      group: text.optional().register(about, {
        description: 'Consumer group; each topic needs one of its own',
        allowed: TEXT,
        usual: 'afterlog-<topic>',
      }),
      tls: z
        .boolean()
        .default(false)
        .register(about, { description: 'Speak TLS with the brokers', allowed: 'true or false' }),
      tls_ca_file: text.optional().register(about, {
        description: 'PEM file of the authorities that sign the brokers’ certificates',
        allowed: PATH,
        usual: 'those that Node.js knows',
      }),
      sasl_mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional().register(about, {
        description: 'How to log in to the brokers; `plain` sends the password as it is, so use it with TLS',
        allowed: 'plain, scram-sha-256 or scram-sha-512',
        usual: 'no login',
      }),
      sasl_username: text.optional().register(about, { description: 'User of the brokers', allowed: TEXT }),
      sasl_password: text
        .optional()
        .register(about, { description: 'Its password', allowed: TEXT, secret: true }),
    })
    .prefault({}),
  clickhouse: z
    .strictObject({
      url: httpUrl.optional().register(about, {
        description: 'ClickHouse’s HTTP interface',
        allowed: HTTP_URL,
        usual: 'a running `afterlog up`, else http://127.0.0.1:8123',
      }),
      database: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
        .default('afterlog')
        .register(about, {
          description: 'Database of the tables',
          allowed: 'letters, digits and underscores, no digit first',
        }),
      username: text.default('default').register(about, { description: 'ClickHouse user', allowed: TEXT }),
      password: anyText
        .default('')
        .register(about, { description: 'Its password', allowed: TEXT, secret: true }),
    })
    .prefault({}),
  listen: address
    .default('127.0.0.1:8600')
    .register(about, { description: 'Address of the HTTP API', allowed: ADDRESS }),
  agent_listen: address.default('127.0.0.1:8601').register(about, {
    description: 'Address of the agent’s /healthz, /metrics and /flush',
    allowed: ADDRESS,
  }),
  agent_url: z
    .string()
    .refine((found) => isHttpUrl(found.replace('{host}', 'host')))
    .optional()
    .register(about, {
      description:
        'Where a server reaches the agents’ /flush, so that a log asked for after a kill has the last bytes',
      allowed: 'an http:// or https:// URL, with {host} where it has the name of the host',
      usual: 'agent_listen, for sandboxes of this host',
    }),
  consumer_listen: address.default('127.0.0.1:8602').register(about, {
    description: 'Address of the consumer’s /healthz and /metrics',
    allowed: ADDRESS,
  }),
  tls_cert_file: text.optional().register(about, {
    description:
      'PEM file of the HTTP API’s certificate, with those that lead to its authority; makes it https',
    allowed: PATH,
    usual: 'plain http',
  }),
  tls_key_file: text.optional().register(about, {
    description: 'PEM file of the certificate’s private key',
    allowed: PATH,
  }),
  tokens: z
    .array(token)
    .default([])
    .register(about, {
      description: 'Hashes of the HTTP API’s tokens; without any only this machine is served',
      allowed:
        'the 64 hex digits of a token’s SHA-256, optionally followed by :workspace[:scopes] (scopes joined by +)' +
        ', or several of these with commas',
      secret: true,
    }),
  ready: z
    .array(text)
    .default([...readyDefaults])
    .register(about, {
      description: 'What the console says of a guest that is up: `boot.ready`, once a boot',
      allowed:
        'a text, or several with commas; with ^ before it the line begins with it (behind stamp and tag), with * it is a prompt behind one word',
    }),
  log_level: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .register(about, {
      description: 'Our own log lines on stderr: these and graver ones',
      allowed: 'fatal, error, warn, info, debug, trace or silent',
    }),
});

export interface Setting extends About {
  /** `kafka.brokers` */
  name: string;
  path: string[];
  env: string;
  flag: string;
  type: 'text' | 'list' | 'boolean';
  /** The schema's own, the same on every machine; undefined where there is none. */
  default: unknown;
}

/** The one setting that cannot stand in the file. */
export const configSetting: Setting = {
  ...describe(['config'], z.string().optional()),
  description: 'The settings file; must exist if it is named',
  allowed: PATH,
  usual: 'afterlog.yaml in the working folder, if there is one',
};

/** Every setting, in the order of the schema. */
export const allSettings: readonly Setting[] = [...collect(settingsSchema.shape, []), configSetting];

function collect(shape: Record<string, z.ZodType>, path: string[]): Setting[] {
  return Object.entries(shape).flatMap(([name, field]) => {
    const inner = field instanceof z.ZodPrefault ? field.unwrap() : field;
    if (inner instanceof z.ZodObject) return collect(inner.shape, [...path, name]);
    return [describe([...path, name], field)];
  });
}

function describe(path: string[], field: z.ZodType): Setting {
  const inner = field instanceof z.ZodDefault || field instanceof z.ZodOptional ? field.unwrap() : field;
  const type = inner instanceof z.ZodArray ? 'list' : inner instanceof z.ZodBoolean ? 'boolean' : 'text';
  return {
    ...(about.get(field) ?? { description: '', allowed: '' }),
    name: path.join('.'),
    path,
    env: `AFTERLOG_${path.join('_').toUpperCase()}`,
    flag: `--${path.join('-').replaceAll('_', '-')}`,
    type,
    default: field instanceof z.ZodDefault ? field.def.defaultValue : undefined,
  };
}

/** What `redact` means. */
export const redactedKinds = (redact: readonly ('all' | Kind)[]): readonly Kind[] =>
  redact.includes('all') ? builtInKinds : redact.filter((kind) => kind !== 'all');

function isAddress(found: string): boolean {
  const at = found.lastIndexOf(':');
  return at > 0 && /^\S+$/.test(found.slice(0, at)) && isPort(found.slice(at + 1), 0);
}

function isPort(found: string, least: number): boolean {
  return /^\d{1,5}$/.test(found) && Number(found) >= least && Number(found) <= 65_535;
}

function isHttpUrl(found: string): boolean {
  return ['http:', 'https:'].includes(URL.parse(found)?.protocol ?? '');
}
