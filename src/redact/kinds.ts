/** Kinds of secrets that can be redacted, named as in settings and metrics. */
export const kinds = [
  ...(['aws', 'gcp', 'azure', 'github', 'slack', 'stripe', 'openai', 'token', 'jwt'] as const),
  ...(['private_key', 'url_password', 'authorization', 'cookie', 'password', 'secret'] as const),
  ...(['email', 'pattern'] as const),
] as const;
export type Kind = (typeof kinds)[number];

/** The kinds that setting `redact` may name; `pattern` counts matches of setting `redact_patterns`. */
export const builtInKinds = kinds.filter((kind) => kind !== 'pattern');
