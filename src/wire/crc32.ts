/**
 * The CRC-32 of bytes that are here only as CRC-32s of their pieces. A CRC-32 is a polynomial over GF(2),
 * modulo the one below (bit 31 is the coefficient of x^0); n bytes after a piece multiply its part by x^(8n).
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

/** x^8, x^16, x^32, …: the factor of 2^index bytes. */
const powers = [0x0080_0000];
while (powers.length < 53) powers.push(multiply(powers.at(-1)!, powers.at(-1)!));

/** x^(8 · bytes). */
function factorOf(bytes: number): number {
  let factor = ONE;
  for (let index = 0; bytes > 0; index++, bytes = Math.floor(bytes / 2)) {
    if (bytes % 2 === 1) factor = multiply(factor, powers[index]!);
  }
  return factor;
}

/** Most pieces are lines, and few lengths repeat often. 0: a length that was not computed yet. */
const factors = new Uint32Array(4_096);

/**
 * The change of a CRC-32, or of a difference of two, when `bytes` more bytes follow:
 * `crc32(A + C) ^ crc32(B + C) === shiftCrc32(crc32(A) ^ crc32(B), C.length)`, whatever C holds.
 */
export function shiftCrc32(crc32: number, bytes: number): number {
  let factor = bytes < factors.length ? factors[bytes]! : 0;
  if (factor === 0) {
    factor = factorOf(bytes);
    if (bytes < factors.length) factors[bytes] = factor;
  }
  return multiply(factor, crc32);
}

/** @returns the CRC-32 of a followed by b, whose length is `bytes` */
export const combineCrc32 = (a: number, b: number, bytes: number): number => (shiftCrc32(a, bytes) ^ b) >>> 0;

/** The CRC-32 after so many bytes of 0. */
export const addZeros = (crc32: number, bytes: number): number => ~shiftCrc32(~crc32 >>> 0, bytes) >>> 0;
