import type { Socket } from 'node:net';

export const PRODUCE = 0;
export const METADATA = 3;

/** The key of a request's API. */
export const apiOf = (request: Buffer): number => request.readInt16BE(4);

/** The number that joins a request and its answer. */
export const requestNumber = (request: Buffer): number => request.readInt32BE(8);
export const answerNumber = (answer: Buffer): number => answer.readInt32BE(4);

/** Calls back with complete requests or answers: a length in four bytes, then as many bytes. */
export function onFrames(socket: Socket, take: (frame: Buffer) => void): void {
  let kept = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    kept = Buffer.concat([kept, bytes]);
    while (kept.length >= 4 && kept.length >= 4 + kept.readInt32BE(0)) {
      const end = 4 + kept.readInt32BE(0);
      take(Buffer.from(kept.subarray(0, end)));
      kept = kept.subarray(end);
    }
  });
}

/** Replaces the port of a broker's address (a host's name, then its port) in an answer. */
export function throughPort(answer: Buffer, host: string, from: number, to: number): Buffer {
  const address = (port: number): Buffer => {
    const bytes = Buffer.alloc(2 + host.length + 4);
    bytes.writeInt16BE(host.length, 0);
    bytes.write(host, 2);
    bytes.writeInt32BE(port, 2 + host.length);
    return bytes;
  };
  for (let at = answer.indexOf(address(from)); at >= 0; at = answer.indexOf(address(from), at)) {
    address(to).copy(answer, at);
  }
  return answer;
}
