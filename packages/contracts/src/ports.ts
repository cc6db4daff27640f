/**
 * What is said of a model's inputs and outputs where its file leaves it open. The words are those of a training configuration
 * (`model.inputs`, `model.dims`, `model.output`).
 */
import { z } from 'zod';

const Name = z.string().min(1).max(500);

export const InputSources = z
  .record(Name, z.union([Name, z.number()]))
  .describe(
    'further inputs by name: an array of an NPZ or NPY data set beside x and y, or one number that every element has',
  );
export const OpenDims = z
  .record(Name, z.int().min(1))
  .describe('sizes of dimensions that the file names and leaves open');
export const OutputName = Name;

export const ModelPorts = z
  .strictObject({
    inputs: InputSources.optional(),
    dims: OpenDims.optional(),
    output: OutputName.optional().describe('the output that says the class; chosen by type when absent'),
  })
  .meta({ id: 'ModelPorts' });
export type ModelPorts = z.infer<typeof ModelPorts>;

/** Names of arrays that go into further inputs, by input (`OpenOptions.inputs` of the data package). */
export function arraysOfPorts({ inputs = {} }: ModelPorts): Record<string, string> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' ? [[name, value]] : [],
    ),
  );
}

/** Everything else that the ports say, in the form that scoring, training and compression take. */
export interface PortSettings {
  fixedInputs?: Record<string, number>;
  dims?: Record<string, number>;
  output?: string;
}

export function settingsOfPorts({ inputs = {}, dims, output }: ModelPorts): PortSettings {
  const fixed = Object.entries(inputs).flatMap(([name, value]): [string, number][] =>
    typeof value === 'number' ? [[name, value]] : [],
  );
  return {
    ...(fixed.length > 0 && { fixedInputs: Object.fromEntries(fixed) }),
    ...(dims && { dims }),
    ...(output !== undefined && { output }),
  };
}
