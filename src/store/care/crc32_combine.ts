/**
 * The CRC-32 of bytes that are here only as CRC-32s of their pieces. A CRC-32 is a polynomial over GF(2) modulo the
 * one below (bit 31 is the coefficient of x^0); n bytes behind a piece multiply its part by x^(8n).
 */
const POLYNOMIAL = 0xedb8_8320;
const ONE = 0x8000_0000;

/** a · b modulo POLYNOMIAL. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let term = a; term !== 0; term <<= 1) {
    if (term & ONE) product ^= b;
    b = b & 1 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1;
  }
  return product >>> 0;
}

/** x^8, x^16, x^32, …: what 2^index bytes multiply by. */
const powers = [0x0080_0000];
while (powers.length < 53) powers.push(multiply(powers.at(-1)!, powers.at(-1)!));

/** x^(8 · bytes). */
function shiftOf(bytes: number): number {
  let shift = ONE;
  for (let index = 0; bytes > 0; index++, bytes = Math.floor(bytes / 2)) {
    if (bytes % 2 === 1) shift = multiply(shift, powers[index]!);
  }
  return shift;
}

/** Most pieces are lines; few lengths are asked for again and again. 0 stands for a length not asked for yet. */
const shifts = new Uint32Array(4_096);

/** @returns the CRC-32 of a followed by b, whose length is `bytes` */
export function combineCrc32(a: number, b: number, bytes: number): number {
  let shift = bytes < shifts.length ? shifts[bytes]! : 0;
  if (shift === 0) {
    shift = shiftOf(bytes);
    if (bytes < shifts.length) shifts[bytes] = shift;
  }
  return (multiply(shift, a) ^ b) >>> 0;
}
