/**
 * A response body that is made as it is read: one piece at a time, the next when the connection has taken this one.
 * `ended` is called once, whether the pieces ran out, the reader left, or making one failed (which cuts the
 * connection: a reader must not take a part for the whole).
 */
export function bodyOf(
  pieces: AsyncGenerator<Uint8Array | string>,
  ended: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { value, done } = await pieces.next();
          if (done) {
            ended();
            controller.close();
          } else controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value);
        } catch (error) {
          ended();
          controller.error(error);
        }
      },
      async cancel() {
        ended();
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
