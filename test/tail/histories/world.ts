import { fc } from '../../support/property.ts';
import type { FileSystem } from '../../support/simulated_files.ts';

/** What stays as it is through a history. A failure prints it. */
export interface World {
  /** Agents hide secrets. */
  redacts: boolean;
  /** So little may be on its way that each sandbox is soon over its share. */
  isTight: boolean;
  files: FileSystem;
}

const fileSystems: fc.Arbitrary<FileSystem> = fc.record({
  births: fc.constantFrom('kept', 'none'),
  links: fc.constantFrom('work', 'work', 'work', 'refused', 'look like others', 'unwanted'),
});

export const worlds = (redacts: boolean): fc.Arbitrary<World> =>
  fc.record({ redacts: fc.constant(redacts), isTight: fc.boolean(), files: fileSystems });
