/** An address where nothing listens: no port is ever chosen here for a program that asks for any free one. */
export const NOWHERE = '127.0.0.1:9';
