/** The stages of a partition, run one after another as one session. */
import { OnnxError } from '../errors.js';
import type { Model } from '../ir.js';
import { openModel } from '../open-model.js';
import type { Session, SessionFactory, SessionOptions } from '../session.js';
import type { Tensor } from '../tensor.js';
import type { Stage } from './partition.js';

/**
 * A session on the stages that gives what one on the whole would. Each stage gets the values that it names; what no
 * later stage reads is let go.
 * @param whole the model that was cut, for the names of its inputs and outputs
 */
export async function chainStages(
  whole: Model,
  stages: readonly Stage[],
  create: SessionFactory,
  options?: SessionOptions,
): Promise<Session> {
  const sessions: Session[] = [];
  const release = async (): Promise<void> => {
    await Promise.all(sessions.map((session) => session.release()));
  };
  try {
    for (const { model } of stages) sessions.push(await openModel(create, model, options));
  } catch (cause) {
    await release();
    throw cause;
  }
  const { graph } = whole;
  const inputNames = graph.inputs.map((i) => i.name).filter((name) => !graph.initializers.has(name));
  const outputNames = graph.outputs.map((o) => o.name);
  const run = async (
    feeds: Readonly<Record<string, Tensor>>,
    wanted = outputNames,
  ): Promise<Record<string, Tensor>> => {
    const values = new Map<string, Tensor>(Object.entries(feeds));
    for (const [k, stage] of stages.entries()) {
      const inputs = Object.fromEntries(stage.inputs.map((name) => [name, valueOf(values, name)]));
      for (const [name, tensor] of Object.entries(await sessions[k]!.run(inputs))) values.set(name, tensor);
      const needed = new Set([...stages.slice(k + 1).flatMap((later) => later.inputs), ...wanted]);
      for (const name of values.keys()) if (!needed.has(name)) values.delete(name);
    }
    return Object.fromEntries(wanted.map((name) => [name, valueOf(values, name)]));
  };
  return { inputNames, outputNames, run, release };
}

function valueOf(values: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const value = values.get(name);
  if (!value) throw new OnnxError('partition', `nothing gives the value ${JSON.stringify(name)}`);
  return value;
}
