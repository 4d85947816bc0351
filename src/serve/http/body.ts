/**
 * A response body that is made while it is read: the next piece is made when the connection has sent this
 * one. `ended` is called once: after the last piece, when the reader leaves, or when a piece fails. A failure
 * cuts the connection, so that the reader does not mistake a part for the whole.
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
