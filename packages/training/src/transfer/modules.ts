/**
 * Where in the program a node comes from, as torch.onnx notes it: newer exporters in the node's metadata, older ones in its
 * name, `/encoder/layers.0/linear1/MatMul`. Only evidence: other tools write neither.
 */
import type { Node } from '@verge/onnx';

const SCOPES = 'pkg.torch.onnx.name_scopes';

/** The module that a node belongs to as the parts of its path, or undefined where the file does not say. */
export function moduleOf({ name, metadata }: Node): readonly string[] | undefined {
  const noted = metadata?.get(SCOPES);
  if (noted !== undefined) {
    // A list of paths from the outermost module to the operator itself.
    const scopes = [...noted.matchAll(/'([^']*)'/g)].map((m) => m[1]!);
    return scopes.length < 2 ? undefined : scopes.at(-2)!.split('.');
  }
  if (!name.startsWith('/')) return undefined;
  // A module that is called again has `_1` behind its name.
  const scopes = name.split('/').slice(1, -1);
  return scopes.length === 0 ? undefined : scopes.flatMap((s) => s.replace(/_\d+$/, '').split('.'));
}

/**
 * Whether nodes belong to modules that differ in nothing but their number in a list, as layers do that were copied from one
 * another. Shared modules are one and have one path; an embedding and the output projection that it is tied to have other names.
 */
export function areNumbered(nodes: readonly Node[]): boolean {
  const paths = nodes.map(moduleOf);
  const known = paths.filter((p) => p !== undefined);
  if (known.length < paths.length) return false;
  const masked = known.map((p) => p.map((part) => (/^\d+$/.test(part) ? '#' : part)).join('.'));
  return new Set(masked).size === 1 && new Set(known.map((p) => p.join('.'))).size > 1;
}

/** Reads by the module of their node, in order of their first. */
export function byModule<T extends { readonly node: Node }>(reads: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const read of reads) {
    const path = moduleOf(read.node)?.join('.') ?? '';
    groups.set(path, [...(groups.get(path) ?? []), read]);
  }
  return [...groups.values()];
}
