import { z } from 'zod';
import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { MOMENT_ALLOWED, readMoment } from '../../base/moment.ts';
import { nearest } from '../../config/nearest.ts';
import { parsePlaceId } from './place_id.ts';

/** A request that cannot be served; the sentence names the parameter. */
export class BadParameter extends AfterlogError {
  constructor(sentence: string) {
    super('PARAMETER_INVALID', sentence);
  }
}

interface AboutParameter {
  description: string;
  /** The allowed values, for messages. */
  allowed: string;
}

/** The texts about a parameter, for answers that refuse one and for the OpenAPI document. */
export const aboutParameter = z.registry<AboutParameter>();

export function parameter<S extends z.ZodType>(schema: S, description: string, allowed: string): S {
  aboutParameter.add(schema, { description, allowed });
  return schema;
}

export function wholeNumber(description: string, min: number, max: number) {
  const schema = z.preprocess(numberOf, z.int().min(min).max(max)).optional();
  return parameter(schema, description, `a whole number from ${min} to ${max}`);
}

const numberOf = (text: unknown): unknown =>
  typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : text;

export function choice<const C extends readonly [string, ...string[]]>(description: string, choices: C) {
  return parameter(z.enum(choices).optional(), description, choices.join(', '));
}

const yesOrNo = ['1', 'true', '0', 'false'] as const;

export function yesNo(description: string) {
  const schema = z
    .enum(yesOrNo)
    .transform((text) => text === '1' || text === 'true')
    .optional();
  return parameter(schema, description, yesOrNo.join(', '));
}

const { chars_max: CHARS_MAX } = limits.search;

export function optionalText(description: string) {
  const schema = z.string().min(1).max(CHARS_MAX).optional();
  return parameter(schema, description, `a text of at most ${CHARS_MAX} characters`);
}

export function requiredText(description: string) {
  const schema = z.string().min(1).max(CHARS_MAX);
  return parameter(schema, description, `a text of 1 to ${CHARS_MAX} characters`);
}

/** Several names separated by commas, or the parameter several times. */
export function nameList(description: string) {
  const schema = z
    .string()
    .max(CHARS_MAX)
    .regex(/^[^,]+(?:,[^,]+)*$/)
    .transform((list) => list.split(',').map((name) => name.trim()))
    .optional();
  return parameter(schema, description, 'a name, or several separated by commas');
}

/** In ns since 1970. */
export function moment(description: string) {
  const schema = z
    .string()
    .max(50)
    .transform((written, context) => {
      const found = readMoment(Date.now(), written);
      if (found !== null) return found;
      context.addIssue({ code: 'custom', message: MOMENT_ALLOWED });
      return z.NEVER;
    })
    .optional();
  return parameter(schema, description, MOMENT_ALLOWED);
}

export function place(description: string) {
  const schema = z
    .string()
    .max(60)
    .transform((id, context) => {
      const found = parsePlaceId(id);
      if (found !== null) return found;
      context.addIssue({ code: 'custom', message: 'an id of this API' });
      return z.NEVER;
    })
    .optional();
  return parameter(schema, description, 'an id that this API gave');
}

/**
 * Reads a request's query by its schema. An empty value counts as none. An unknown name is ignored unless it
 * resembles a known one: a misspelled filter must not be ignored.
 * @throws BadParameter
 */
export function readQuery<Q extends z.ZodObject>(schema: Q, given: Record<string, string[]>): z.output<Q> {
  const known = Object.keys(schema.shape);
  const values: Record<string, string> = {};
  for (const [name, all] of Object.entries(given)) {
    const some = all.filter((value) => value !== '');
    if (known.includes(name)) {
      // For a parameter with one value, several joined values are not valid.
      if (some.length > 0) values[name] = some.join(',');
      continue;
    }
    const meant = nearest(name, known);
    if (meant !== null && name.length > 2) {
      throw new BadParameter(`There is no parameter ${quote(name)}; did you mean ${meant}?`);
    }
  }
  const { success, data, error } = schema.safeParse(values);
  if (success) return data as z.output<Q>;
  const name = String(error.issues[0]?.path[0] ?? '');
  const allowed = aboutParameter.get(schema.shape[name] as z.ZodType)?.allowed ?? '';
  const value = values[name];
  throw new BadParameter(
    value === undefined
      ? `Parameter ${name} is missing; allowed: ${allowed}.`
      : `Parameter ${name} is ${quote(value)}; allowed: ${allowed}.`,
  );
}

export const quote = (value: string): string => JSON.stringify(value.slice(0, limits.log.shown_chars_max));
