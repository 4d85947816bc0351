import { limits } from '../base/limits.ts';

/** Workspace and template of a sandbox, written into each of its rows. An unknown field is empty. */
export interface Label {
  workspace: string;
  template: string;
}

/**
 * Reads the label from the runtime's description of a sandbox: `{ "id", "template", "workspace" }`; the
 * workspace may also be in `metadata`. A field that is not a text, or too long, becomes empty.
 * @returns null if the description is not an object
 */
export function labelIn(described: unknown): Label | null {
  if (!isObject(described)) return null;
  const { template, workspace, metadata } = described;
  return {
    template: textOf(template),
    workspace: textOf(workspace) || textOf(isObject(metadata) ? metadata.workspace : undefined),
  };
}

/** The sandbox's id in the runtime's description; null if it has none. */
export function idIn(described: unknown): string | null {
  const id = isObject(described) ? (described.id ?? described.sandbox_id) : undefined;
  return typeof id === 'string' && id !== '' ? id : null;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant
const controls = /[\u0000-\u001f\u007f]/;

function textOf(value: unknown): string {
  if (typeof value !== 'string' || controls.test(value)) return '';
  return Buffer.byteLength(value) <= limits.labels.text_bytes_max ? value : '';
}
