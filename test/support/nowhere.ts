/** Nothing listens at this address: the system never gives its port to a program that asks for a free one. */
export const NOWHERE = '127.0.0.1:9';
