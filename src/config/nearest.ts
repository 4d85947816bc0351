/** Letters and digits only: `kafkaTopic`, `kafka-topic` and `AFTERLOG_KAFKA_TOPIC` differ in how they are written. */
const bare = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/**
 * The known name that `wrong` was probably meant to be, or null. It may lack the start of the known name, as in
 * `brokers` for `kafka.brokers`.
 */
export function nearest(wrong: string, known: readonly string[]): string | null {
  const target = bare(wrong);
  // A third of the letters may be wrong, which keeps `port` from being taken for `host`.
  let least = Math.floor(target.length / 3) + 1;
  let found: string | null = null;
  for (const name of known) {
    const whole = bare(name);
    const end = bare(name.slice(name.lastIndexOf('.') + 1));
    const distance = Math.min(edits(target, whole), end === whole ? Infinity : edits(target, end) + 1);
    if (distance < least) {
      least = distance;
      found = name;
    }
  }
  return found;
}

/** Letters to add, drop or replace, and neighbours to swap, that make one text the other. */
function edits(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + Number(!isSame));
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) next[j] = Math.min(next[j]!, before[j - 2]! + 1);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
