/** What a configuration says of the inputs and outputs of an ONNX file. */
import type { TrainingConfig } from '@verge/contracts';
import type { PortOptions } from './ports.js';

type InputsOf = NonNullable<Extract<TrainingConfig['model'], { onnx: string }>['inputs']>;

function entriesOf<T extends string | number>(
  model: TrainingConfig['model'],
  is: (value: InputsOf[string]) => value is T & InputsOf[string],
): Record<string, T> {
  const inputs = 'onnx' in model ? Object.entries(model.inputs ?? {}) : [];
  return Object.fromEntries(inputs.flatMap(([name, value]) => (is(value) ? [[name, value]] : [])));
}

/** The ports of the network that is trained. */
export function portsOfConfig({ model }: Pick<TrainingConfig, 'model'>): PortOptions {
  if (!('onnx' in model)) return {};
  const fixedInputs = entriesOf(model, (value) => typeof value === 'number');
  const { dims, output } = model;
  return {
    ...(Object.keys(fixedInputs).length > 0 && { fixedInputs }),
    ...(dims && { dims }),
    ...(output !== undefined && { output }),
  };
}

/** The arrays of the data set that go into further inputs, by the name of the input (`OpenOptions.inputs` of the data package). */
export function arraysOfConfig({ model }: Pick<TrainingConfig, 'model'>): Record<string, string> {
  return entriesOf(model, (value) => typeof value === 'string');
}
