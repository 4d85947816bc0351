/** One line of the table: the number of cases, and of each outcome. */
export interface Measure {
  set: string;
  what: string;
  cases: number;
  counts: Record<string, number>;
}

/** Counts cases by outcome. `misses` keeps the cases that differ from the truth, for `--misses`. */
export class Tally {
  readonly misses: string[] = [];
  private readonly measures = new Map<string, Measure>();

  add(set: string, what: string, outcome: string, outcomes: string[], miss?: string): void {
    const key = `${set}\0${what}`;
    let measure = this.measures.get(key);
    if (!measure) {
      measure = { set, what, cases: 0, counts: Object.fromEntries(outcomes.map((name) => [name, 0])) };
      this.measures.set(key, measure);
    }
    measure.cases++;
    measure.counts[outcome] = (measure.counts[outcome] ?? 0) + 1;
    if (miss !== undefined && outcome !== outcomes[0])
      this.misses.push(`${set} ${what}: ${outcome}: ${miss}`);
  }

  table(): string {
    const rows = [...this.measures.values()].map(({ set, what, cases, counts }) => {
      const parts = Object.entries(counts).map(
        ([name, count]) => `${name} ${count} (${((count / cases) * 100).toFixed(1)} %)`,
      );
      return `${set.padEnd(24)} ${what.padEnd(26)} ${String(cases).padStart(6)}  ${parts.join(', ')}`;
    });
    return [`${'set'.padEnd(24)} ${'measure'.padEnd(26)} ${'cases'.padStart(6)}  outcomes`, ...rows].join(
      '\n',
    );
  }
}
