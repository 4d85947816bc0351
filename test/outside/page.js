// Of the page that test/outside/browser.ts has open.

/** Everything that an EventSource says, as it comes. */
globalThis.listen = (url) => {
  const source = new EventSource(url);
  const heard = { opened: 0, errors: 0, events: [], source };
  for (const type of ['log', 'gap', 'end', 'message']) {
    source.addEventListener(type, ({ data, lastEventId }) =>
      heard.events.push({ type, data, id: lastEventId }),
    );
  }
  source.addEventListener('open', () => heard.opened++);
  source.addEventListener('error', () => heard.errors++);
  return heard;
};

/** What a fetch comes to, in a word. */
globalThis.tryFetch = async (url, options) => {
  try {
    const response = await fetch(url, options);
    return response.type === 'opaque' ? 'opaque' : `${response.status} ${await response.text()}`;
  } catch (error) {
    return error.name;
  }
};

globalThis.all = async (of) => {
  const items = [];
  for await (const item of of) items.push(item);
  return items;
};
