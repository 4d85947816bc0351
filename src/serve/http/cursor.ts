import { z } from 'zod';
import { parameter } from './parameters.ts';

/**
 * A place in a list as text, which clients send back unchanged. It contains nothing that its token may not
 * see.
 */
export const cursorOf = (place: object | null): string | null =>
  place === null ? null : Buffer.from(JSON.stringify(place)).toString('base64url');

/** The parameter `cursor` of a list whose places have this shape. */
export function cursor<S extends z.ZodType>(shape: S) {
  const schema = z
    .string()
    .max(2_000)
    .transform((given, context): z.output<S> => {
      try {
        const { success, data } = shape.safeParse(JSON.parse(Buffer.from(given, 'base64url').toString()));
        if (success) return data;
      } catch {}
      context.addIssue({ code: 'custom', message: 'not a cursor' });
      return z.NEVER;
    })
    .optional();
  return parameter(
    schema,
    'The next of the answer before, with the same parameters',
    'a cursor of this list',
  );
}

/** 64-bit numbers travel as text. */
export const int64 = z.string().regex(/^\d{1,18}$|^[1-8]\d{18}$/);
export const uint64 = z.string().regex(/^\d{1,19}$/);
export const day = z
  .string()
  .regex(/^(19[7-9]|20\d|21[0-3])\d-\d\d-\d\d$/)
  .refine((text) => !Number.isNaN(Date.parse(text)));
