/** A model's file, and the files beside it that hold its large tensors. */
import { dirname, resolve, sep } from 'node:path';
import { decodeModel, type Graph, type Model, subgraphs } from '@verge/onnx';
import { CliError } from '../errors.js';
import { readGiven } from './files.js';

export interface ModelFile {
  readonly bytes: Uint8Array;
  /** Options that a session on these bytes needs. */
  readonly session: { readonly externalData?: ReadonlyMap<string, Uint8Array> };
}

function locations(graph: Graph, found = new Set<string>()): Set<string> {
  for (const { value } of graph.initializers.values()) if ('external' in value) found.add(value.external.location);
  for (const node of graph.nodes) for (const sub of subgraphs(node)) locations(sub, found);
  return found;
}

/** ONNX IR, "External Data": locations are relative to the model's folder and may not leave it. */
async function externalData(model: Model, file: string): Promise<Map<string, Uint8Array>> {
  const folder = resolve(dirname(file));
  const contents = new Map<string, Uint8Array>();
  for (const location of locations(model.graph)) {
    const path = resolve(folder, location);
    if (!path.startsWith(folder + sep))
      throw new CliError('usage', `'${file}' names a data file outside its folder: '${location}'`);
    contents.set(location, await readGiven(path, 'external data of the model'));
  }
  return contents;
}

/** @throws CliError `missing`, OnnxError when the bytes are no ONNX model */
export async function readModel(path: string): Promise<ModelFile> {
  const bytes = await readGiven(path, 'model');
  const external = await externalData(decodeModel(bytes), path);
  return { bytes, session: external.size > 0 ? { externalData: external } : {} };
}
