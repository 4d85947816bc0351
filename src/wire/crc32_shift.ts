/** CRC-32's polynomial, lowest power in the highest bit. */
const POLYNOMIAL = 0xedb8_8320;
const ONE = 0x8000_0000;
const X_TO_8 = 0x0080_0000;

/** Product of two polynomials over GF(2), modulo CRC-32's. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= b;
    b = (b & 1) === 0 ? b >>> 1 : (b >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}

/**
 * What a difference of two CRC-32s becomes when the same `length` bytes follow both:
 * `crc32(A + C) ^ crc32(B + C) === crc32Shift(crc32(A) ^ crc32(B), C.length)`, whatever is in C.
 */
export function crc32Shift(difference: number, length: number): number {
  let shifted = difference >>> 0;
  for (let power = X_TO_8; length > 0; length = Math.floor(length / 2)) {
    if (length % 2 === 1) shifted = multiply(shifted, power);
    power = multiply(power, power);
  }
  return shifted;
}
