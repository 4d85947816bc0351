/** What a token of the HTTP API may do; `admin` may do everything. */
export const scopes = ['read', 'erase', 'admin'] as const;
export type Scope = (typeof scopes)[number];
