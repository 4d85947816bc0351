/**
 * Only letters and digits, in lower case, so that `kafkaTopic`, `kafka-topic` and `KAFKA_TOPIC` are equal.
 */
const bare = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/**
 * The known name that is most similar to `wrong`, or null if none is similar enough. `wrong` may lack the
 * section of the known name: `brokers` finds `kafka.brokers`.
 */
export function nearest(wrong: string, known: readonly string[]): string | null {
  const target = bare(wrong);
  // At most a third of the letters may be wrong: more would match `port` with `host`.
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

/**
 * The edit distance: letters to add, drop or replace, and neighbors to swap, that turn one text into the
 * other.
 */
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
