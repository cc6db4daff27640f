/** What a configuration says of the inputs and outputs of an ONNX file. */
import { arraysOfPorts, declaredPorts, settingsOfPorts, type TrainingConfig } from '@verge/contracts';
import type { PortOptions } from './ports.js';

type Configured = Pick<TrainingConfig, 'model'>;

/** The ports of the network that is trained. */
export const portsOfConfig = ({ model }: Configured): PortOptions => settingsOfPorts(declaredPorts(model));

/** The arrays of the data set that go into further inputs, by the name of the input (`OpenOptions.inputs` of the data package). */
export const arraysOfConfig = ({ model }: Configured): Record<string, string> => arraysOfPorts(declaredPorts(model));
