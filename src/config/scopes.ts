/** Rights that a token of the HTTP API can have; `admin` includes all others. */
export const scopes = ['read', 'erase', 'admin'] as const;
export type Scope = (typeof scopes)[number];
