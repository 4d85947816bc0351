import { z } from 'zod';
import { limits } from '../base/limits.ts';
import { readyDefaults } from '../parse/mark/ready.ts';
import { builtInKinds, type Kind } from '../redact/kinds.ts';
import { patternFault } from '../redact/pattern_check.ts';
import { BATCH_KEY } from './batch_key.ts';

/** The documentation of a setting, for help, messages and docs/reference/settings.md. */
export interface About {
  description: string;
  /** For messages: `Setting x (where) is "value"; allowed: …` */
  allowed: string;
  /** The default in words, if it depends on the machine or on another setting. */
  usual?: string;
  /** The value is never shown. */
  secret?: true;
  /** A list whose items may contain commas: variables and flags separate the items by line breaks. */
  isByLine?: true;
}

/** Documentation of the schema's fields; `z.toJSONSchema` reads it too. */
export const about = z.registry<About>();

/** Escaped, so that validators of JSON Schema in any language accept the patterns that contain it. */
const controls = '\\u0000-\\u001f\\u007f';
/** No control characters: files and container secrets often end with a line break that is not meant. */
const anyText = z.string().regex(new RegExp(`^[^${controls}]*$`));
const text = z.string().regex(new RegExp(`^[^${controls}]+$`));
const TEXT = 'text without line breaks or other control characters';
const PATH = 'a path';

const address = z.string().refine(isAddress);
const ADDRESS = 'host:port with a port from 0 to 65535, for example 127.0.0.1:8600';
const httpUrl = text.refine(isHttpUrl);
const HTTP_URL = 'an http:// or https:// URL, for example http://127.0.0.1:8123';
/** kafkajs cannot connect to an IPv6 address: it splits the address at the first colon. */
const broker = z
  .string()
  .regex(/^[\w.-]+:\d{1,5}$/)
  .refine((found) => isPort(found.slice(found.indexOf(':') + 1), 1));
const token = z.string().regex(/^[0-9a-fA-F]{64}(:[^:\s]*(:[\w+-]*(:[\w.@-]{0,64})?)?)?$/);

/**
 * All settings. The path of a field is the setting's name: `kafka.brokers` in afterlog.yaml,
 * AFTERLOG_KAFKA_BROKERS in the environment, --kafka-brokers as a flag. The types are string, boolean and
 * list of strings. A value from any source is text until this schema parses it.
 */
export const settingsSchema = z.strictObject({
  data_dir: text.default('/var/lib/pandastack').register(about, {
    description: 'Folder where the runtime keeps the sandboxes; pins go to .afterlog/pins in it',
    allowed: PATH,
  }),
  state_dir: text.optional().register(about, {
    description: 'Folder of the spool and other state, on a disk that honors fsync',
    allowed: PATH,
    usual: '<data_dir>/.afterlog',
  }),
  host: z
    .string()
    .regex(new RegExp(`^[^/\\s${controls}]{1,200}$`))
    .optional()
    .register(about, {
      description: 'Name of this host in every row; must be unique and must not change',
      allowed: 'a name of at most 200 characters, without slash or space',
      usual: 'the hostname',
    }),
  layout: z
    .string()
    .regex(new RegExp(`^[^{}${controls}]*\\{sandbox\\}(/[^{}${controls}]*)?/\\{log\\}$`))
    .default('vms/{sandbox}/{log}')
    .register(about, {
      description: 'Path of a sandbox’s logs, relative to data_dir',
      allowed: 'a path template such as vms/{sandbox}/{log}',
    }),
  pins: z.enum(['link', 'descriptor']).default('link').register(about, {
    description:
      'How the agent holds files that it has not read: by a hard link, or by an open descriptor, which a restart of the agent loses',
    allowed: 'link or descriptor',
  }),
  runtime_url: httpUrl.optional().register(about, {
    description:
      'URL of the runtime’s agent on this host, which knows the workspace and template of sandboxes',
    allowed: HTTP_URL,
    usual: 'none; sandbox.json in a sandbox’s folder may name them',
  }),
  runtime_token: text.optional().register(about, {
    description: 'Bearer token for the runtime’s agent',
    allowed: TEXT,
    secret: true,
  }),
  runtime_tls_ca_file: text.optional().register(about, {
    description: 'PEM file of the CAs that signed the certificate of the runtime’s agent',
    allowed: PATH,
    usual: 'the CAs of Node.js',
  }),
  redact: z
    .array(z.enum(['all', ...builtInKinds]))
    .default([])
    .register(about, {
      description: 'Kinds of secrets that the agent overwrites with `*` before a line leaves the host',
      allowed: `all, or some of ${builtInKinds.join(', ')}, separated by commas`,
      usual: 'no redaction',
    }),
  redact_patterns: z
    .array(text.refine((pattern) => patternFault(pattern) === null))
    .max(limits.redact.patterns_max)
    .default([])
    .register(about, {
      description:
        'Regular expressions for more text to overwrite with `*`, one per line; no match spans log lines',
      allowed:
        `at most ${limits.redact.patterns_max} regular expressions in ASCII, without lookahead, lookbehind and ` +
        'backreferences; none may match an empty text',
      isByLine: true,
    }),
  kafka: z
    .strictObject({
      brokers: z.array(broker).default([]).register(about, {
        description: 'Bootstrap brokers; if there are none, the agent writes directly to ClickHouse',
        allowed:
          'host:port of a broker, or several separated by commas; the host is a name or an IPv4 address',
      }),
      topic: z
        .string()
        .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,245}$/)
        .default('sandbox-logs')
        .register(about, {
          description: 'Topic of the batches; dead letters go to <topic>-dlq',
          allowed: '1 to 245 letters, digits, dots, underscores and dashes',
        }),
      group: text.optional().register(about, {
        description: 'Consumer group; use a different one for each topic',
        allowed: TEXT,
        usual: 'afterlog-<topic>',
      }),
      tls: z
        .boolean()
        .default(false)
        .register(about, { description: 'Connect to the brokers with TLS', allowed: 'true or false' }),
      tls_ca_file: text.optional().register(about, {
        description: 'PEM file of the CAs that signed the brokers’ certificates',
        allowed: PATH,
        usual: 'the CAs of Node.js',
      }),
      sasl_mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional().register(about, {
        description: 'SASL mechanism; `plain` sends the password unencrypted, so use it only with TLS',
        allowed: 'plain, scram-sha-256 or scram-sha-512',
        usual: 'no authentication',
      }),
      sasl_username: text.optional().register(about, { description: 'SASL user', allowed: TEXT }),
      sasl_password: text
        .optional()
        .register(about, { description: 'SASL password', allowed: TEXT, secret: true }),
      batch_key: z
        .array(z.string().regex(BATCH_KEY))
        .default([])
        .register(about, {
          description:
            'Key that signs batches, so that a host speaks only for itself: on an agent the key of its host, ' +
            'on a consumer one or more master keys',
          allowed:
            'afterlog_host_… as `afterlog token --host NAME` prints it, or afterlog_master_… as ' +
            '`afterlog token --batch-key` prints it, or several master keys separated by commas or line breaks',
          usual: 'batches are not signed',
          secret: true,
        }),
      batch_signatures: z
        .enum(['ignore', 'verify', 'require'])
        .optional()
        .register(about, {
          description:
            'Check of the consumer: `verify` sets batches with a wrong signature aside, `require` also ' +
            'those without one',
          allowed: 'ignore, verify or require',
          usual: 'verify if kafka.batch_key is set, otherwise ignore',
        }),
    })
    .prefault({}),
  clickhouse: z
    .strictObject({
      url: httpUrl.optional().register(about, {
        description: 'URL of ClickHouse’s HTTP interface, with the path if a proxy serves it below one',
        allowed: HTTP_URL,
        usual: 'that of a running `afterlog up`, otherwise http://127.0.0.1:8123',
      }),
      database: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
        .default('afterlog')
        .register(about, {
          description: 'Database that holds the tables',
          allowed: 'letters, digits and underscores, no digit first',
        }),
      username: text.optional().register(about, {
        description: 'ClickHouse user',
        allowed: TEXT,
        usual: 'that of a running `afterlog up`, otherwise default',
      }),
      password: anyText.optional().register(about, {
        description: 'ClickHouse password',
        allowed: TEXT,
        usual: 'that of a running `afterlog up`, otherwise none',
        secret: true,
      }),
      tls_ca_file: text.optional().register(about, {
        description: 'PEM file of the CAs that signed ClickHouse’s certificate, for an https:// URL',
        allowed: PATH,
        usual: 'the CAs of Node.js',
      }),
      tls_cert_file: text.optional().register(about, {
        description: 'PEM file of the client certificate, if ClickHouse or a proxy before it wants one',
        allowed: PATH,
        usual: 'no client certificate',
      }),
      tls_key_file: text.optional().register(about, {
        description: 'PEM file of the client certificate’s private key',
        allowed: PATH,
      }),
    })
    .prefault({}),
  listen: address
    .default('127.0.0.1:8600')
    .register(about, { description: 'Listen address of the HTTP API', allowed: ADDRESS }),
  agent_listen: address.default('127.0.0.1:8601').register(about, {
    description: 'Listen address of the agent’s /healthz, /metrics and /flush',
    allowed: ADDRESS,
  }),
  agent_url: z
    .string()
    .refine((found) => isHttpUrl(found.replace('{host}', 'host')))
    .optional()
    .register(about, {
      description:
        'URL where the server calls an agent’s /flush, to serve also the last bytes of a deleted sandbox',
      allowed: 'an http:// or https:// URL; {host} in it stands for the name of the host',
      usual: 'agent_listen, for sandboxes of this host',
    }),
  agent_token: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/)
    .optional()
    .register(about, {
      description:
        'Token for /healthz, /metrics and /flush of agents and consumers, the same for all; servers send it for /flush',
      allowed: 'at least 16 ASCII characters without spaces',
      usual: 'none; agent and consumer serve only this machine',
      secret: true,
    }),
  consumer_listen: address.default('127.0.0.1:8602').register(about, {
    description: 'Listen address of the consumer’s /healthz and /metrics',
    allowed: ADDRESS,
  }),
  tls_cert_file: text.optional().register(about, {
    description: 'PEM file of the HTTP API’s certificate and its intermediate certificates; enables HTTPS',
    allowed: PATH,
    usual: 'plain HTTP',
  }),
  tls_key_file: text.optional().register(about, {
    description: 'PEM file of the certificate’s private key',
    allowed: PATH,
  }),
  tokens: z
    .array(token)
    .default([])
    .register(about, {
      description: 'Hashes of the HTTP API’s tokens; without tokens the API serves only this machine',
      allowed:
        'the 64 hex digits of a token’s SHA-256, optionally followed by :workspace[:scopes[:name]] (scopes joined by +)' +
        ', or several of these separated by commas',
      secret: true,
    }),
  access_log: z.boolean().optional().register(about, {
    description: 'Write a JSON line to stderr for each request to the HTTP API: who read what',
    allowed: 'true or false',
    usual: 'true if there are tokens',
  }),
  ready: z
    .array(text)
    .default([...readyDefaults])
    .register(about, {
      description: 'Console texts that show that a guest is up (event `boot.ready`, once per boot)',
      allowed:
        'a text, or several separated by commas; with a leading ^ the line must begin with the text (after a timestamp ' +
        'and a tag), with a leading * the text is a prompt after one word',
    }),
  log_level: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .register(about, {
      description: 'Lowest level of afterlog’s own log lines on stderr',
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
  /** From the schema, the same on every machine; undefined if the schema has no default. */
  default: unknown;
}

/** The only setting that cannot be in the settings file. */
export const configSetting: Setting = {
  ...describe(['config'], z.string().optional()),
  description: 'Path of the settings file, which must exist',
  allowed: PATH,
  usual: 'afterlog.yaml in the working folder, if it exists',
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

/** The kinds that a value of `redact` selects. */
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
