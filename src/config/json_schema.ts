import { z } from 'zod';
import { about, allSettings, configSetting, type Setting, settingsSchema } from './schema.ts';

type JsonSchema = { [key: string]: unknown; properties?: Record<string, JsonSchema> };

/**
 * The JSON Schema of afterlog.yaml, with these extensions: `x-env` and `x-flag`, the setting's variable and
 * flag; `x-allowed`, the allowed values in words; `x-default`, a default that depends on the machine or
 * another setting.
 */
export function settingsJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(settingsSchema, { io: 'input', metadata: about }) as JsonSchema;
  for (const setting of allSettings) {
    if (setting !== configSetting) annotate(fieldOf(schema, setting.path), setting);
  }
  // The defaults of a section's fields are enough.
  for (const field of Object.values(schema.properties!)) if (field.properties) delete field.default;
  return { ...schema, title: 'afterlog.yaml', description: 'Settings of afterlog' };
}

const fieldOf = (schema: JsonSchema, path: string[]): JsonSchema =>
  path.reduce((at, name) => at.properties![name]!, schema);

function annotate(field: JsonSchema, { env, flag, type, allowed, usual, secret }: Setting): void {
  for (const name of ['allowed', 'usual', 'secret']) delete field[name];
  Object.assign(field, { 'x-env': env, 'x-flag': flag, 'x-allowed': allowed });
  if (usual !== undefined) field['x-default'] = usual;
  if (type === 'list') field.type = ['array', 'string'];
  if (secret) field.writeOnly = true;
}
