/** How to log in to the embedded ClickHouse. */
export interface Login {
  origin: string;
  username: string;
  password: string;
}

/**
 * The answer to one query, without white space at its ends.
 * @throws what fetch throws; an Error with the server's text
 */
export async function ask(login: Login, query: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(login.origin, {
    method: 'POST',
    body: query,
    headers: {
      'X-ClickHouse-User': login.username,
      'X-ClickHouse-Key': login.password,
      // When ClickHouse stops, it waits 5 s for connections that are still open, idle ones too.
      connection: 'close',
    },
    ...(signal && { signal }),
  });
  const text = (await response.text()).trim();
  if (!response.ok) throw new Error(text);
  return text;
}
