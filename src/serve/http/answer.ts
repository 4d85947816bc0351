import type { Context } from 'hono';
import { type ErrorCode, httpStatusOf } from '../../base/errors.ts';

/** An error as an answer of the API: `{"error": sentence, "code": CODE}`, with the code's status. */
export function answerWith(c: Context, code: ErrorCode, error: string): Response {
  const status = httpStatusOf(code);
  if (status === 401) c.header('WWW-Authenticate', 'Bearer');
  if (status === 503) c.header('Retry-After', '1');
  return c.json({ error, code }, status);
}
